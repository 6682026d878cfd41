// A button that prints the page. Browsers without scripts have a menu for it.
for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => window.print());
}
