// The choice of a bench is shown anew when an agent comes or goes, or somebody sits down or gets up.

import { ask } from "../js/http.js";

const { url, version, wait } = JSON.parse(document.querySelector("#bench-data").textContent);

async function look() {
  const state = document.hidden ? null : await ask(`${url}?seen=${version}`, { quiet: true }).catch(() => null);
  if (state) location.reload();
  else setTimeout(look, wait);
}

setTimeout(look, wait);
