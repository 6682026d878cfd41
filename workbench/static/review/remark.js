// The remark: its draft survives everything, templates go in at the cursor, found faults never overwrite what was typed.

import { post } from "../js/http.js";
import { bind } from "../js/keys.js";
import { word } from "../js/words.js";
import { data, on } from "./case_data.js";

const field = document.querySelector("[data-remark]");
const update = document.querySelector("[data-faults-update]");
const menu = document.querySelector("[data-templates]");
const key = `remark:${data.case.id}`;
const composedKey = `composed:${data.case.id}`;
let composed = sessionStorage.getItem(composedKey) ?? "";
let timer = 0;

export const text = () => field.value.trim();
export const focus = () => field.focus();

/** Forget the kept text: it has been sent. */
export function forget() {
  clearTimeout(timer);
  sessionStorage.removeItem(key);
  sessionStorage.removeItem(composedKey);
}

function keep() {
  sessionStorage.setItem(key, field.value);
  clearTimeout(timer);
  timer = setTimeout(() => post(data.urls.draft, { json: { remark: field.value }, quiet: true }).catch(() => {}), 1200);
}

function put(value) {
  field.value = value;
  keep();
}

function insert(addition) {
  const { selectionStart: from, selectionEnd: to, value } = field;
  const before = value.slice(0, from);
  const gap = before && !before.endsWith("\n") ? "\n" : "";
  field.setRangeText(gap + addition, from, to, "end");
  keep();
  field.focus();
}

/** Bring the faults up to date where that loses nothing; otherwise offer a button that does. */
function take(faults) {
  data.composed = faults;
  const typed = field.value;
  if (faults === composed) update.hidden = faults === "" || typed.includes(faults);
  else if (typed.trim() === "" || typed === composed) {
    put(faults);
    remember(faults);
  } else if (composed && typed.includes(composed)) {
    put(typed.replace(composed, () => faults).trim());
    remember(faults);
  } else update.hidden = faults === "";
}

function remember(faults) {
  composed = faults;
  sessionStorage.setItem(composedKey, faults);
  update.hidden = true;
}

function useTemplate(button) {
  menu.open = false;
  const filled = button.dataset.text.replaceAll("%(faults)s", data.composed);
  if (button.dataset.text.includes("%(faults)s")) remember(data.composed);
  if (field.value.trim() === "" || field.value === composed) put(filled);
  else insert(filled);
  document.querySelector(`[name=verdict][value="${button.dataset.verdict}"]`).focus();
}

function openMenu() {
  menu.open = true;
  menu.querySelector("button")?.focus();
}

function walkMenu(event) {
  const buttons = [...menu.querySelectorAll("button[data-text]")];
  const at = buttons.indexOf(document.activeElement);
  if (/^[1-9]$/.test(event.key) && buttons[event.key - 1]) useTemplate(buttons[event.key - 1]);
  else if (event.key === "ArrowDown") buttons[(at + 1) % buttons.length].focus();
  else if (event.key === "ArrowUp") buttons[(at - 1 + buttons.length) % buttons.length].focus();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

export function start() {
  if (!field) return;
  const kept = sessionStorage.getItem(key);
  if (kept !== null && kept.trim() !== "") field.value = kept;
  field.addEventListener("input", keep);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") field.blur();
  });
  update.addEventListener("click", () => {
    insert(data.composed);
    remember(data.composed);
  });
  menu.addEventListener("keydown", walkMenu);
  menu.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-text]");
    if (button) useTemplate(button);
  });
  on("judged", ({ composed: faults }) => take(faults));
  take(data.composed);
  bind({ key: "t", label: word("keys.template"), run: openMenu });
}
