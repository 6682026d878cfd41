// Shows a page large, and lets one go through the pages of its slot. Without scripts the link opens the picture itself.

import { word } from "../js/words.js";

const dialog = document.querySelector("#page-dialog");
const large = dialog.querySelector("[data-large]");
let links = [];
let at = 0;

function show(place) {
  at = Math.min(Math.max(place, 0), links.length - 1);
  const { name, number, pages } = links[at].dataset;
  const title = word("page.title", { name, number, pages });
  dialog.querySelector("[data-title]").textContent = title;
  large.src = links[at].href;
  large.alt = title;
  for (const button of dialog.querySelectorAll("[data-step]")) {
    const next = at + Number(button.dataset.step);
    button.disabled = next < 0 || next >= links.length;
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-page]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  links = [...(link.closest("[data-slot], section") ?? document).querySelectorAll("a[data-page]")];
  show(links.indexOf(link));
  dialog.showModal();
});

dialog.addEventListener("click", (event) => {
  const step = event.target.closest("[data-step]");
  if (step) show(at + Number(step.dataset.step));
  else if (event.target === dialog || event.target.closest("[data-shut]")) dialog.close();
});

dialog.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") show(at - 1);
  if (event.key === "ArrowRight") show(at + 1);
});

dialog.addEventListener("close", () => large.removeAttribute("src"));
