// The list of cases that wait for their seal: arrow keys walk it, N begins with the first.

import { bind } from "../js/keys.js";
import { word } from "../js/words.js";

const links = [...document.querySelectorAll("[data-row]")];
const next = document.querySelector("[data-next]");

function walk(delta) {
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  const to = at < 0 ? (delta > 0 ? 0 : links.length - 1) : Math.max(0, Math.min(links.length - 1, at + delta));
  links[to].focus();
}

bind({ key: "ArrowDown", shown: "↑ ↓", label: word("keys.rows"), run: () => walk(1) });
bind({ key: "ArrowUp", label: "", run: () => walk(-1) });
if (next) bind({ key: "n", label: word("keys.n"), run: () => next.click() });
