// The check-list of the document in view: three states for each item, a note, a place on the page.

import { bind } from "../js/keys.js";
import { word } from "../js/words.js";
import { currentDocument, currentPage, data, documentOf, findPage, go, on, place, tell } from "./case_data.js";
import { save } from "./saving.js";

const NEXT = { none: "ok", ok: "fault", fault: "not_applicable", not_applicable: "ok" };
const EMPTY = { value: null, note: "", region: null };

const row = (item) => document.querySelector(`[data-item="${item}"]`);
const markOf = (item) => data.marks[item] ?? EMPTY;
let touched = null;

/** The item the keyboard speaks of: the last one touched in this document, else its first fault, else its first. */
export function activeItem() {
  const items = currentDocument().items;
  if (items.includes(touched)) return touched;
  return items.find((item) => markOf(item).value === "fault") ?? items[0];
}

/** Change an item's mark, on screen at once and on the server soon. */
export function change(item, part) {
  if (!data.may.mark) return;
  touched = item;
  data.marks[item] = { ...markOf(item), ...part, carried: false };
  paint(item);
  const { value, note, region } = data.marks[item];
  if (value) save(item, { value, note, region });
  tell("marks", item);
}

function cycle(index) {
  const item = currentDocument().items[index];
  if (item === undefined) return;
  change(item, { value: NEXT[markOf(item).value ?? "none"] });
  row(item).scrollIntoView({ block: "nearest" });
  announce(item);
}

function announce(item) {
  const label = row(item).querySelector(".check-label").textContent.trim();
  document.querySelector("[data-announce]").textContent = `${label}: ${word(`mark.${markOf(item).value}`)}`;
}

/** Tick what is still open on this document and go on to the next one with open items. */
function tickRest() {
  for (const item of currentDocument().items) if (!markOf(item).value) change(item, { value: "ok" });
  const count = data.documents.length;
  for (let step = 1; step < count; step += 1) {
    const index = (place.document + step) % count;
    if (data.documents[index].items.some((item) => !markOf(item).value)) return go(index);
  }
  tell("complete");
}

/** Jump to the fault after the one touched last, over all documents. */
function nextFault() {
  const faults = data.documents.flatMap((each) => each.items).filter((item) => markOf(item).value === "fault");
  if (!faults.length) return tell("say", word("faults.none"));
  const from = faults.indexOf(touched);
  showItem(faults[(from + 1) % faults.length]);
}

/** Put an item's document, and its region when it has one, into view. */
export function showItem(item) {
  touched = item;
  const region = markOf(item).region;
  const found = region && findPage(region.page_id);
  const documentIndex = documentOf(item);
  if (found) go(found.document, found.page);
  else if (documentIndex !== place.document) go(documentIndex);
  const line = row(item);
  line.scrollIntoView({ block: "nearest" });
  line.querySelector("input:checked, input")?.focus({ preventScroll: true });
  if (found) tell("reveal", region);
}

function paint(item) {
  const line = row(item);
  const { value, note, region, carried } = markOf(item);
  line.dataset.value = value ?? "open";
  for (const choice of line.querySelectorAll("input[type=radio]")) choice.checked = choice.value === value;
  const noteField = line.querySelector("[data-note]");
  if (noteField && document.activeElement !== noteField) noteField.value = note ?? "";
  if (noteField) noteField.hidden = value !== "fault" && !note && !line.classList.contains("noting");
  const chip = line.querySelector("[data-region-show]");
  chip.hidden = !region;
  line.querySelector("[data-region-clear]")?.toggleAttribute("hidden", !region);
  if (region) chip.querySelector("span").textContent = word("page.number", { page: (findPage(region.page_id)?.page ?? 0) + 1 });
  line.querySelector("[data-carried]")?.toggleAttribute("hidden", !carried);
}

function showDocument() {
  for (const list of document.querySelectorAll("[data-checks]")) {
    list.classList.toggle("current", list.dataset.checks === currentDocument().code);
  }
}

function listen(line) {
  const item = Number(line.dataset.item);
  line.addEventListener("change", (event) => {
    if (event.target.type === "radio") change(item, { value: event.target.value });
  });
  line.addEventListener("focusin", () => {
    touched = item;
    tell("lit", item);
  });
  line.addEventListener("pointerenter", () => tell("lit", item));
  line.addEventListener("pointerleave", () => tell("lit", null));
  line.querySelector("[data-note]")?.addEventListener("change", (event) => {
    change(item, { note: event.target.value.trim(), value: markOf(item).value ?? "fault" });
  });
  line.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches("[data-region-draw]")) tell("draw", item);
    if (button.matches("[data-region-show]")) showItem(item);
    if (button.matches("[data-region-clear]")) change(item, { region: null });
    if (button.matches("[data-note-open]")) {
      line.classList.add("noting");
      paint(item);
      line.querySelector("[data-note]").focus();
    }
    if (button.matches("[data-find]")) tell("find", item);
  });
}

export function start() {
  for (const line of document.querySelectorAll("[data-item]")) {
    listen(line);
    if (markOf(Number(line.dataset.item)).region) paint(Number(line.dataset.item));
  }
  on("document", showDocument);
  on("restored", paint);
  if (!data.may.mark) return;
  const here = () => currentDocument().items.length > 0;
  for (let number = 1; number <= 9; number += 1) {
    const label = number === 1 ? word("keys.item") : "";
    bind({ key: String(number), shown: "1–9", label, run: () => cycle(number - 1), when: here });
  }
  bind({ key: "a", label: word("keys.rest"), run: tickRest });
  bind({ key: "f", label: word("keys.fault"), run: nextFault });
  bind({ key: "m", label: word("keys.region"), run: () => tell("draw", activeItem()), when: () => here() && currentPage() });
}
