// A consignment's page: its papers and its next step by one key each.

import { bind } from "../js/keys.js";
import { word } from "../js/words.js";

function press(selector) {
  return () => document.querySelector(selector)?.click();
}

const keys = { p: ["[data-paper=p]", "parcel.list"], l: ["[data-paper=l]", "parcel.labels"], g: ["[data-main]", "parcel.main"] };
for (const [key, [selector, label]] of Object.entries(keys)) {
  if (document.querySelector(selector)) bind({ key, label: word(label), run: press(selector) });
}
