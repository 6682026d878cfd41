// A consignment's page: its papers and its next step by one key each.

import { bind } from "../js/keys.js";
import { word } from "../js/words.js";

function press(selector) {
  return () => document.querySelector(selector)?.click();
}

for (const [key, label] of [["p", "parcel.list"], ["l", "parcel.labels"]]) {
  if (document.querySelector(`[data-paper=${key}]`)) bind({ key, label: word(label), run: press(`[data-paper=${key}]`) });
}
if (document.querySelector("[data-main]")) bind({ key: "g", label: word("parcel.main"), run: press("[data-main]") });
