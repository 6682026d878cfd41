// Keys that go back: each scan is answered in colour, word and sound; what lies packed or is still to come is read anew
// once no scan is on its way.

import { readAnew } from "../js/fresh.js";
import { bind } from "../js/keys.js";
import { Scanner } from "../js/scanning.js";
import { word } from "../js/words.js";

const waybill = () => document.querySelector("[data-send] [name=waybill]");

async function refresh() {
  const written = waybill()?.value;
  await readAnew(["[data-packed]", "[data-under-way]"].filter((each) => document.querySelector(each)));
  if (written && waybill()) waybill().value = written;
}

new Scanner(document.querySelector("[data-scan-form]"), { idle: refresh });

bind({ key: "F8", label: word("returns.send"), when: () => waybill() !== null, run: () => waybill().focus() });
