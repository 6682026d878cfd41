// The courier's hatch: a parcel's number, then its waybill, then the next parcel. F2 chooses the company.

import { readAnew } from "../js/fresh.js";
import { ask, post } from "../js/http.js";
import { bind } from "../js/keys.js";
import { Scanner } from "../js/scanning.js";
import { word } from "../js/words.js";

const hatch = document.querySelector("[data-hatch]");
const form = document.querySelector("[data-scan-form]");
const carrier = document.querySelector("[data-carrier]");
const forget = document.querySelector("[data-forget]");
const wanted = form.elements.number.value;
let parcel = null;
let stale = false;

function step() {
  const now = parcel ? "waybill" : "number";
  for (const line of form.querySelectorAll("[data-step]")) {
    if (line.dataset.step === now) line.setAttribute("aria-current", "step");
    else line.removeAttribute("aria-current");
  }
  const example = carrier.selectedOptions[0]?.dataset.example ?? "";
  const label = word(parcel ? "hatch.scan-waybill" : "hatch.scan-number", { example });
  scanner.field.placeholder = label;
  document.querySelector("[data-scan-label]").textContent = label;
  forget.hidden = !parcel;
  for (const line of document.querySelectorAll("[data-sealed] [data-number]")) {
    line.classList.toggle("is-chosen", line.dataset.number === parcel?.number);
  }
}

async function send(text) {
  if (!parcel) {
    return ask(`${hatch.dataset.find}?number=${encodeURIComponent(text)}`, { quiet: true });
  }
  const body = new FormData();
  body.append("number", parcel.number);
  body.append("carrier", carrier.value);
  body.append("waybill", text);
  scanner.result.querySelector("[data-scan-detail]").textContent = word("hatch.handing");
  return post(hatch.dataset.handOver, { form: body, quiet: true });
}

function show(answer) {
  if (answer.tone === "ok") parcel = answer;
  if (answer.tone === "done") {
    parcel = null;
    stale = true;
  }
  step();
}

/** What waits and what was handed over, with the manifests, follow each parcel. */
async function refresh() {
  if (!stale) return;
  stale = false;
  await readAnew(["[data-count-sealed]", "[data-sealed]", "[data-taken]"]);
  step();
}

for (const field of [form.elements.number, form.elements.waybill]) field.disabled = true;
for (const part of form.querySelectorAll("[data-plain]")) part.hidden = true;
form.querySelector("[data-scripted]").hidden = false;
const scanner = new Scanner(form, { send, show, idle: refresh });
step();
if (wanted) scanner.take(wanted);

function giveUp() {
  parcel = null;
  step();
  scanner.field.focus();
}

forget.addEventListener("click", giveUp);
carrier.addEventListener("change", () => {
  step();
  scanner.field.focus();
});
bind({
  key: "F2",
  label: word("hatch.next-carrier"),
  run: () => {
    carrier.selectedIndex = (carrier.selectedIndex + 1) % carrier.options.length;
    step();
  },
});
bind({ key: "F4", label: word("hatch.forget"), run: giveUp });
