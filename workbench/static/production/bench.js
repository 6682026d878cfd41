// The maker's bench: what is scanned goes to the server; what the server tells of the bench comes into the page piece by
// piece; what is finished comes out of the printer. Acts are the page's own forms, pressed by function keys.

import { ask, post } from "../js/http.js";
import { bind } from "../js/keys.js";
import { Scanner } from "../js/scanning.js";
import { toast } from "../js/toast.js";
import { word } from "../js/words.js";
import { Printer } from "./printing.js";

const BY_HAND = "bench.print-by-hand";
const SLOWEST_MS = 5000;
const KEYS = { F2: "retry", F4: "leave", F6: "put-back", F8: "spoil", F7: "letter", F9: "sealed", F10: "label" };

const bench = document.querySelector("[data-bench]");
const told = JSON.parse(document.querySelector("#bench-data").textContent);
const scanner = new Scanner(bench.querySelector("[data-scan-form]"), { send, show: (outcome) => take(outcome) });
const printer = new Printer(document.querySelector("[data-printer]"));
const field = scanner.field;
const reasons = new Map();
const printed = new Set(told.labels);
const held = new Map();
let { version, pulse, wait, chosen, shown } = told;
let timer = 0;
let asked = 0;

function piece(name) {
  return bench.querySelector(`[data-piece="${name}"]`);
}

// A piece is replaced only when it says something else, and not under the hands of who writes in it: then false.
function place(name, html) {
  const at = piece(name);
  if (held.get(name) === html) return true;
  const hadFocus = at.contains(document.activeElement);
  if (hadFocus && document.activeElement.matches("input:not([type=radio])")) return false;
  at.innerHTML = html;
  held.set(name, html);
  if (name === "reason") keepReason();
  if (hadFocus) field.focus();
  return true;
}

function apply(state) {
  if (!state) return;
  if (state.away) {
    location.reload();
    return;
  }
  const placed = Object.entries(state.pieces).map(([name, html]) => place(name, html));
  ({ wait } = state);
  version = placed.every(Boolean) ? state.version : null;
  if (state.pulse !== pulse) {
    pulse = state.pulse;
    if (state.said) scanner.say(state.said);
  }
  printNew(state.labels);
}

async function poll() {
  clearTimeout(timer);
  const number = ++asked;
  let pause = SLOWEST_MS;
  const query = new URLSearchParams({ seen: version ?? "" });
  if (chosen) query.set("case", chosen);
  if (shown) query.set("key", shown);
  try {
    const state = await ask(`${told.url}?${query}`, { quiet: true });
    if (number === asked && !scanner.busy) apply(state);
    if (!document.hidden) pause = wait;
  } catch (problem) {
    if (problem.status === 401) location.reload();
  }
  if (number === asked) timer = setTimeout(poll, pause);
}

async function send(text) {
  const form = new FormData(scanner.form);
  form.set("serial", text);
  return post(scanner.form.action, { form, quiet: true });
}

// What an act came to: said aloud, shown, and followed from now on.
function take(outcome) {
  if (outcome.tone !== "refused") chosen = null;
  shown = outcome.shown ?? null;
  if (outcome.state) {
    pulse = outcome.state.pulse;
    apply(outcome.state);
  }
  poll();
}

async function act(form) {
  if (form.dataset.sent) return;
  form.dataset.sent = "yes";
  try {
    const outcome = await post(form.action, { form: new FormData(form), quiet: true });
    scanner.say(outcome);
    take(outcome);
  } catch (problem) {
    scanner.say({ tone: "refused", word: problem.message, detail: problem.advice });
    poll();
  } finally {
    delete form.dataset.sent;
    field.focus();
  }
}

async function print(action, form) {
  if (!(await printer.print(action, form))) toast(word("bench.not-printed"), "today");
  field.focus();
  poll();
}

// A key that was verified while this page looked on gets its label by itself; older ones wait for the button.
function printNew(labels) {
  if (document.hidden) return; // another window may be looking on, and one label is enough
  const fresh = labels.filter((each) => !printed.has(each));
  for (const each of fresh) printed.add(each);
  if (!fresh.length || localStorage.getItem(BY_HAND) === "yes") return;
  const form = new FormData();
  form.set("csrf_token", document.querySelector('meta[name="csrf-token"]').content);
  for (const each of fresh) form.append("making", each);
  print(told.print, form);
}

function choose(id) {
  chosen = id;
  shown = null;
  version = null;
  field.focus();
  poll();
}

function walk(delta) {
  const links = [...bench.querySelectorAll("[data-choose]")];
  const at = links.findIndex((link) => link.getAttribute("aria-current"));
  const to = links[Math.max(0, Math.min(links.length - 1, at + delta))];
  if (to) choose(to.dataset.choose);
}

function because(delta) {
  const choices = [...bench.querySelectorAll("[name=because]")];
  const at = choices.findIndex((each) => each.checked);
  const to = choices[(at + delta + choices.length) % choices.length];
  if (to) to.click();
}

// The reason was said of one case: it is found again when that case is, and never passes on to another.
function keepReason() {
  const group = bench.querySelector("[data-because]");
  const kept = group && reasons.get(group.dataset.because);
  if (kept) group.querySelector(`[value="${kept}"]`).checked = true;
}

function press(key) {
  bench.querySelector(`[data-key="${key}"]`)?.click();
}

bench.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-print]")) {
    event.preventDefault();
    print(form.action, new FormData(form));
  } else if (form.matches("[data-act]") && (!form.dataset.confirm || form.dataset.agreed)) {
    event.preventDefault();
    form.closest("[popover]")?.hidePopover();
    act(form);
  }
});

bench.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (link?.dataset.choose) choose(link.dataset.choose);
  else if (link?.dataset.show) {
    shown = link.dataset.show;
    version = null;
    poll();
  } else if (link?.matches("[data-undo]")) choose(null);
  else return;
  event.preventDefault();
});

bench.addEventListener("change", (event) => {
  if (event.target.name === "because") {
    reasons.set(event.target.closest("[data-because]").dataset.because, event.target.value);
    field.focus();
  }
  if (event.target.matches("[data-print-by-itself]")) {
    localStorage.setItem(BY_HAND, event.target.checked ? "no" : "yes");
    field.focus();
  }
});

field.addEventListener("keydown", (event) => {
  if (field.value || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
  const run = {
    Enter: () => press("F2"),
    ArrowDown: () => walk(1),
    ArrowUp: () => walk(-1),
    ArrowRight: () => because(1),
    ArrowLeft: () => because(-1),
    Escape: () => choose(null),
  }[event.key];
  if (!run) return;
  event.preventDefault();
  run();
});

for (const [key, label] of Object.entries(KEYS)) {
  const when = () => bench.querySelector(`[data-key="${key}"]`) !== null;
  bind({ key, label: word(`bench.${label}`), run: () => press(key), when });
}
bind({ key: "Enter", label: word("bench.enter"), run: () => {}, when: () => false });
bind({ key: "ArrowDown", shown: "↑ ↓", label: word("bench.walk"), run: () => walk(1) });
bind({ key: "ArrowUp", label: "", run: () => walk(-1) });
bind({ key: "ArrowRight", shown: "← →", label: word("bench.because"), run: () => because(1) });
bind({ key: "ArrowLeft", label: "", run: () => because(-1) });
const inPeace = () => !document.querySelector(":popover-open");
bind({ key: "Escape", shown: "Esc", label: word("bench.undo"), run: () => choose(null), when: inPeace });

const byItself = bench.querySelector("[data-print-by-itself]");
byItself.checked = localStorage.getItem(BY_HAND) !== "yes";
byItself.closest("[data-print-offer]").hidden = false;
document.addEventListener("visibilitychange", () => document.hidden || poll());
// A popover takes the focus to its first field and gives it back to the button; the scanner needs it here.
bench.addEventListener("toggle", (event) => event.newState === "closed" && field.focus(), true);
keepReason();
bench.dataset.ready = "yes";
poll();
