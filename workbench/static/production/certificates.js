// The page of a certificate whose CA has been asked to end it: what it answers shows by itself.

import { ask } from "../js/http.js";

const FIRST_WAIT = 2000;
const LONGEST_WAIT = 20000;

const panel = document.querySelector("[data-end]");
let wait = FIRST_WAIT;

async function look() {
  const told = await ask(panel.dataset.end, { quiet: true }).catch(() => null);
  if (told && !told.waits) {
    // What can be done now is other than before: the server says it.
    location.reload();
    return;
  }
  if (told) {
    panel.querySelector("[data-end-words]").textContent = told.words;
    const detail = panel.querySelector("[data-end-detail]");
    detail.textContent = told.detail;
    detail.hidden = !told.detail;
  }
  wait = Math.min(LONGEST_WAIT, wait * 1.3);
  setTimeout(look, wait);
}

if (panel) setTimeout(look, wait);
