// The field to find by keeps the focus, so that a scanner's typing lands in it; what waits for the line is sent from here
// too.

import "./line.js";

const field = document.querySelector("[data-find]");

if (field) {
  field.select();
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.key.length !== 1 || event.key === " ") return;
    if (document.querySelector("dialog[open]") || event.target.closest?.("input, textarea, select")) return;
    field.focus();
    field.select();
  }, true);
}
