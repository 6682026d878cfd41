// The figures of the rail: read when the page has come, and again when work on it has changed them.

import { ask } from "./http.js";

const QUIET_MS = 1000;
let waiting = 0;

async function fill() {
  const rail = document.querySelector("[data-counts]");
  if (!rail || !rail.querySelector("[data-count]")) return;
  const counts = await ask(rail.dataset.counts, { quiet: true }).catch(() => ({}));
  for (const place of rail.querySelectorAll("[data-count]")) {
    const count = counts[place.dataset.count];
    if (count !== undefined) place.textContent = count > 9999 ? "9999+" : String(count);
  }
}

/** Work on this page may have changed the figures; they are asked for once it rests. */
export function countAgain() {
  clearTimeout(waiting);
  waiting = setTimeout(fill, QUIET_MS);
}

fill();
