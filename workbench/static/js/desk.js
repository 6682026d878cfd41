// What every desk page does: live counts, focus on search, copy buttons, dismissable messages, menus that close.

import "./counts.js";
import { guardForms, showKeys } from "./dialogs.js";
import { bind } from "./keys.js";
import { word } from "./words.js";

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    return;
  }
  const before = button.title;
  button.classList.add("copied");
  button.title = word("copied");
  document.querySelector("[data-announce]").textContent = word("copied");
  setTimeout(() => {
    button.classList.remove("copied");
    button.title = before;
  }, 1500);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.copy) copy(button);
  if (button?.matches("[data-dismiss]")) button.closest("[data-dismissable]")?.remove();
  if (button?.matches("[data-close]")) button.closest("dialog")?.close();
  if (button?.matches("[data-show-keys]")) showKeys();
  if (button?.matches("[data-back]")) history.back();
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

const search = document.querySelector("[data-search]");
if (search) bind({ key: "/", label: word("keys.search"), run: () => search.select() });
bind({ key: "?", label: word("keys.sheet"), run: showKeys });

guardForms();
