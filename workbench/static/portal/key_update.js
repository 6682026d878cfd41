// How far the update is shows by itself: the program beside the key reports to the server, this page asks there.

import { ask } from "../js/http.js";

const WAIT = 2000;
const WAIT_IN_VAIN = 10000;
const PLACES = ["done", "now", "next"];

const page = document.querySelector("[data-update]");
const part = (name) => page.querySelector(`[data-${name}]`);

function show(told) {
  for (const line of page.querySelectorAll("[data-step]")) {
    const place = told.places[line.dataset.step];
    line.classList.remove(...PLACES);
    line.classList.add(place);
    if (place === "now") line.setAttribute("aria-current", "step");
    else line.removeAttribute("aria-current");
  }
  say(part("happened"), told.happened);
  say(part("then"), told.then);
  say(part("others"), told.others);
  part("fault").hidden = !told.happened;
  part("others").hidden = !told.others;
  part("again").hidden = !told.happened || told.waits;
  part("tone").classList.toggle("today", told.waits);
  part("tone").classList.toggle("late", !told.waits);
}

/** Only what has changed: everything else would be read out again. */
function say(place, words) {
  if (place.textContent !== words) place.textContent = words;
}

async function look() {
  let wait = WAIT;
  try {
    const told = await ask(page.dataset.update, { quiet: true });
    if (told.done) {
      location.replace(part("look").href);
      return;
    }
    show(told);
  } catch (problem) {
    if (problem.status === 401) {
      location.reload();
      return;
    }
    wait = WAIT_IN_VAIN;
  }
  setTimeout(look, wait);
}

part("look").hidden = true;
setTimeout(look, WAIT);
