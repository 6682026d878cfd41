// The list of cases: arrow keys walk it, Enter opens, N takes the next one; supervisors select rows to reassign.

import { bind } from "../js/keys.js";
import { word } from "../js/words.js";

const links = [...document.querySelectorAll("[data-open-case]")];
const boxes = [...document.querySelectorAll("[data-select]")];
const chosen = document.querySelector("[data-chosen]");
const sheet = document.querySelector("#reassign");
let lastBox = -1;

function walk(delta) {
  if (!links.length) return;
  const at = links.indexOf(document.activeElement?.closest("tr")?.querySelector("[data-open-case]"));
  const to = at < 0 ? (delta > 0 ? 0 : links.length - 1) : Math.max(0, Math.min(links.length - 1, at + delta));
  links[to].focus();
  links[to].closest("tr").scrollIntoView({ block: "nearest" });
}

function count() {
  const number = boxes.filter((box) => box.checked).length;
  chosen.hidden = number === 0;
  chosen.querySelector("[data-number]").textContent = word("chosen", { number });
  sheet.querySelector("[data-number]").textContent = word("chosen", { number });
}

function select(event) {
  const at = boxes.indexOf(event.target);
  if (at < 0) return;
  if (event.shiftKey && lastBox >= 0) {
    const [from, to] = [Math.min(at, lastBox), Math.max(at, lastBox)];
    for (const box of boxes.slice(from, to + 1)) box.checked = event.target.checked;
  }
  lastBox = at;
  count();
}

bind({ key: "ArrowDown", shown: "↑ ↓", label: word("keys.rows"), run: () => walk(1) });
bind({ key: "ArrowUp", label: "", run: () => walk(-1) });
const next = document.querySelector("[data-next]");
if (next) bind({ key: "n", label: word("keys.n"), run: () => next.click() });
for (const [key, relation] of [["ArrowRight", "next"], ["ArrowLeft", "prev"]]) {
  const link = document.querySelector(`.pager a[rel=${relation}]`);
  if (link) bind({ key, shown: key === "ArrowRight" ? "→" : "←", label: word(`keys.${relation}`), run: () => link.click() });
}
if (sheet) {
  for (const box of boxes) box.addEventListener("click", select);
  document.querySelector("[data-select-all]")?.addEventListener("change", (event) => {
    for (const box of boxes) box.checked = event.target.checked;
    count();
  });
}
document.querySelector("[data-next-form]")?.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});
