// What stands around the page: the list of documents, what changed, history, the claim, the identity number.

import { post } from "../js/http.js";
import { bind } from "../js/keys.js";
import { toast } from "../js/toast.js";
import { word } from "../js/words.js";
import { data, go, on, place } from "./case_data.js";

const KEEP_SECONDS = 60;
const REVEALED_SECONDS = 30;
const lines = [...document.querySelectorAll("[data-document]")];

/** The state of a document from its marks: fault, done, started or open. */
function stateOf({ items, required }) {
  const values = items.map((item) => data.marks[item]?.value);
  if (values.includes("fault")) return "fault";
  if (items.length && required.every((item) => data.marks[item]?.value)) return "done";
  return values.some(Boolean) ? "started" : "open";
}

function paintDocument(index) {
  const state = stateOf(data.documents[index]);
  const line = lines[index];
  line.dataset.state = state;
  line.querySelector("[data-state-word]").textContent = word(`document.${state}`);
  const { items, code } = data.documents[index];
  const done = items.filter((item) => data.marks[item]?.value).length;
  const progress = document.querySelector(`[data-progress="${CSS.escape(code)}"]`);
  if (progress) progress.textContent = word("checked.of", { done, all: items.length });
}

function paintCurrent() {
  for (const [index, line] of lines.entries()) {
    if (index === place.document) line.setAttribute("aria-current", "true");
    else line.removeAttribute("aria-current");
  }
  lines[place.document].scrollIntoView({ block: "nearest" });
}

function toggle(selector) {
  const panel = document.querySelector(selector);
  if (!panel) return;
  panel.open = !panel.open;
  if (panel.open) panel.querySelector("summary").focus();
  panel.scrollIntoView({ block: "nearest" });
}

/** Activity keeps the claim: at most one message a minute, none while nobody is there. */
function keepClaim() {
  if (!data.urls.keep) return;
  let last = Date.now();
  const act = async () => {
    if (Date.now() - last < KEEP_SECONDS * 1000) return;
    last = Date.now();
    await post(data.urls.keep, { quiet: true }).catch((problem) => {
      if (problem.status === 409) toast(word("claim.lost"), "late");
    });
  };
  for (const kind of ["pointerdown", "keydown", "wheel"]) document.addEventListener(kind, act, { passive: true });
}

function reveal() {
  const dialog = document.querySelector("dialog#reveal");
  const place = document.querySelector("[data-identity]");
  if (!dialog || !place) return;
  const masked = place.textContent;
  document.querySelector("[data-reveal]").addEventListener("click", () => dialog.showModal());
  dialog.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const reason = dialog.querySelector("[name=reason]");
    const answer = await post(data.urls.identity, { json: { reason: reason.value } }).catch(() => null);
    if (!answer) return;
    dialog.close();
    reason.value = "";
    place.textContent = answer.number;
    setTimeout(() => (place.textContent = masked), REVEALED_SECONDS * 1000);
  });
}

function showSaving(state) {
  const place = document.querySelector("[data-saving]");
  place.textContent = word(`saving.${state}`);
  place.dataset.state = state;
}

export function start() {
  for (const [index, line] of lines.entries()) {
    line.addEventListener("click", (event) => {
      event.preventDefault();
      go(index);
    });
  }
  on("document", paintCurrent);
  on("marks", (item) => paintDocument(data.documents.findIndex((each) => each.items.includes(item))));
  on("restored", (item) => paintDocument(data.documents.findIndex((each) => each.items.includes(item))));
  on("saving", showSaving);
  on("say", (message) => toast(message));
  keepClaim();
  reveal();
  for (const flash of document.querySelectorAll("[data-flashes] .banner.done")) setTimeout(() => flash.remove(), 6000);
  if (document.querySelector("[data-diff]")) bind({ key: "d", label: word("keys.diff"), run: () => toggle("[data-diff]") });
  bind({ key: "h", label: word("keys.history"), run: () => toggle("[data-history]") });
  for (const [key, selector] of [["n", "[data-next]"], ["u", "[data-release]"], ["q", "[data-queue]"], ["k", "[data-claim]"]]) {
    const target = document.querySelector(selector);
    if (target) bind({ key, label: word(`keys.${key}`), run: () => target.click() });
  }
}
