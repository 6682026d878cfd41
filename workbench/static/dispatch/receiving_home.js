// The label's field: it keeps the focus, and Enter sends the page on to the parcel.

const field = document.querySelector("[data-scan]");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.key.length !== 1 || event.key === " ") return;
  if (document.querySelector("dialog[open]")) return;
  if (event.target.closest?.("input, textarea, select, [contenteditable]")) return;
  field.focus();
}, true);
