// Choosing an authority without a mouse: what is typed narrows the list, arrows choose, Enter opens its boxes.

import { word } from "../js/words.js";

const form = document.querySelector("[data-find]");
const field = form.elements.q;
const lines = [...document.querySelectorAll("[data-authority]")];
const nothing = document.querySelector("[data-nothing]");
const unmatched = document.querySelector("[data-unmatched]");
const startedQuiet = new Set(lines.filter((line) => "quiet" in line.dataset));
let chosen = null;

/** Whether somebody means this authority; the server has the same rule. */
function isMeant(line, typed) {
  if (!typed) return !startedQuiet.has(line);
  const { code, name, place } = line.dataset;
  const some = new RegExp("^" + [...typed].map((letter) => letter.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".*?"));
  return (
    code.startsWith(typed) ||
    name.includes(typed) ||
    place.split(" ").some((word) => word.startsWith(typed) || (typed.length > 1 && some.test(word)))
  );
}

function visible() {
  return lines.filter((line) => !line.hidden);
}

function choose(line) {
  chosen?.removeAttribute("aria-current");
  chosen = line ?? null;
  chosen?.setAttribute("aria-current", "true");
  chosen?.scrollIntoView({ block: "nearest" });
}

/** How well what was typed names the place: the whole word, its beginning, some of its letters. */
function rank(line, typed) {
  const { code, name, place } = line.dataset;
  if (code === typed || place === typed) return 0;
  if (code.startsWith(typed) || name.startsWith(typed) || place.startsWith(typed)) return 1;
  return name.includes(typed) || place.split(" ").some((word) => word.startsWith(typed)) ? 2 : 3;
}

function narrow() {
  const typed = field.value.normalize("NFKC").trim().toLowerCase();
  for (const line of lines) line.hidden = !isMeant(line, typed);
  const left = visible();
  nothing.hidden = left.length > 0 || typed !== "";
  unmatched.hidden = left.length > 0 || typed === "";
  unmatched.querySelector("strong").textContent = word("packing.unmatched", { text: field.value.trim() });
  // The first that has something to pack, best named first.
  const best = typed ? Math.min(...left.map((line) => rank(line, typed))) : 0;
  const candidates = typed ? left.filter((line) => rank(line, typed) === best) : left;
  choose(candidates.find((line) => !line.classList.contains("is-quiet")) ?? candidates[0]);
}

field.addEventListener("input", narrow);

field.addEventListener("keydown", (event) => {
  if (event.isComposing || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
  event.preventDefault();
  const left = visible();
  const step = event.key === "ArrowDown" ? 1 : -1;
  choose(left[Math.min(Math.max(left.indexOf(chosen) + step, 0), left.length - 1)]);
});

form.addEventListener("submit", (event) => {
  if (!chosen) return;
  event.preventDefault();
  chosen.querySelector("[data-open]").click();
});

form.querySelector("button").hidden = true;
narrow();
field.focus();
