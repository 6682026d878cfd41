// Questions before dangerous actions, in words that name the thing, and the sheet of shortcuts.

import { bound } from "./keys.js";
import { word } from "./words.js";

/** Ask once. Resolves to true when the person agreed. */
export function confirmed(question, agree = word("confirm.agree")) {
  const dialog = document.querySelector("dialog#confirm");
  dialog.querySelector("[data-question]").textContent = question;
  dialog.querySelector("[data-agree]").textContent = agree;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

/** Forms with data-confirm ask before they are sent. */
export function guardForms() {
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const question = event.submitter?.dataset.confirm ?? form.dataset.confirm;
    if (!question || form.dataset.agreed) return;
    event.preventDefault();
    const submitter = event.submitter;
    if (!(await confirmed(question, submitter?.textContent.trim() || submitter?.title))) return;
    form.dataset.agreed = "yes";
    form.requestSubmit(submitter ?? undefined);
  });
}

/** List the keys of this page. */
export function showKeys() {
  const dialog = document.querySelector("dialog#keys");
  const list = dialog.querySelector("[data-keys]");
  list.replaceChildren();
  for (const binding of bound()) {
    const term = document.createElement("dt");
    const key = document.createElement("kbd");
    key.textContent = binding.shown ?? (binding.key.length === 1 ? binding.key.toUpperCase() : binding.key);
    term.append(key);
    const meaning = document.createElement("dd");
    meaning.textContent = binding.label;
    list.append(term, meaning);
  }
  dialog.showModal();
}
