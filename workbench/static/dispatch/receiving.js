// A parcel on the counter: every scan takes a key out at once. What does not agree with the packing list comes back from
// the server as it stands on top, with what can be done about it.

import { post } from "../js/http.js";
import { bind } from "../js/keys.js";
import { Scanner, sound } from "../js/scanning.js";
import { word } from "../js/words.js";

const expected = document.querySelector("[data-expected]");
const scanned = document.querySelector("[data-scanned]");
const differences = document.querySelector("[data-differences]");
const complete = document.querySelector("[data-complete]");
const pause = document.querySelector("[data-pause]");
const damaged = document.querySelector("[data-damaged]");
const damagedForm = document.querySelector("[data-damaged-form]");
let last = "";

function row(list, serial) {
  return [...list.children].find((each) => each.dataset.serial === serial);
}

function addScanned(answer) {
  row(scanned, answer.serial)?.remove();
  const line = document.querySelector("#scanned-row").content.firstElementChild.cloneNode(true);
  line.dataset.serial = answer.serial;
  line.querySelector("[data-serial-text]").textContent = answer.serial;
  line.querySelector("[data-enterprise]").textContent = answer.enterprise;
  line.querySelector("[data-finding]").textContent = answer.finding;
  line.classList.add("is-new");
  line.classList.toggle("is-unfit", !answer.right);
  scanned.prepend(line);
  scanned.scrollTop = 0;
  document.querySelector("[data-scanned-count]").textContent = scanned.children.length;
}

function markFound(serial) {
  const line = row(expected, serial);
  if (!line) return;
  line.classList.add("is-found");
  line.querySelector(".key-mark").hidden = false;
}

function count(answer) {
  document.querySelector("[data-scan-done]").textContent = answer.done;
  document.querySelector("[data-scan-all]").textContent = answer.all;
  const rest = [...expected.children].filter((line) => !line.classList.contains("is-found")).length;
  if (rest) complete.dataset.confirm = word(rest === 1 ? "receiving.one-missing" : "receiving.missing", { count: rest });
  else delete complete.dataset.confirm;
}

function show(answer) {
  if (answer.problem) return;
  last = answer.serial;
  if (!answer.repeated) addScanned(answer);
  markFound(answer.serial);
  showDifferences(answer);
  count(answer);
}

function showDifferences(answer) {
  if (!answer.differences) return;
  differences.innerHTML = answer.differences;
  differences.hidden = false;
}

const scanner = new Scanner(document.querySelector("[data-scan-form]"), { show });

// What is not a scan is answered where scans are. Nothing comes back when it was refused.
async function send(anyForm, body) {
  try {
    const answer = await post(anyForm.action, { form: body, quiet: true });
    scanner.say(answer);
    return answer;
  } catch (problem) {
    if (problem.status === undefined) throw problem;
    scanner.say({ tone: "refused", detail: problem.message });
    return null;
  }
}

function reportDamage() {
  damaged.open = true;
  const { serial, remark } = damagedForm.elements;
  // While answers are on their way, the last one may be another key's: then the damaged key is scanned into the form.
  serial.value = scanner.field.value.trim() || (scanner.busy ? "" : last);
  scanner.field.value = "";
  if (serial.value) remark.focus();
  else serial.focus();
}

// A scanner ends a serial number with Enter: that leads on to the remark, it doesn't send the form.
damagedForm.elements.serial.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  damagedForm.elements.remark.focus();
});
damagedForm.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  damaged.open = false;
  scanner.field.focus();
});
damagedForm.addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await send(damagedForm, new FormData(damagedForm));
  if (!answer) return;
  show(answer);
  damagedForm.reset();
  damaged.open = false;
  scanner.field.focus();
});

// What is settled leaves the page where it is: the next key may be scanned before the answer has come.
differences.addEventListener("submit", async (event) => {
  event.preventDefault();
  const settling = event.target;
  const body = new FormData(settling);
  settling.inert = true;
  scanner.field.focus();
  const answer = await send(settling, body);
  settling.inert = false;
  if (answer) showDifferences(answer);
});

function leaveBy(submit) {
  if (scanner.busy) sound("refused");
  else submit();
}

function onKey(key, label, run) {
  bind({ key, label: word(label), run });
}

onKey("F6", "receiving.damaged", reportDamage);
onKey("F7", "receiving.forward", () => differences.querySelector("[data-waybill]")?.focus());
onKey("F8", "receiving.complete", () => leaveBy(() => complete.requestSubmit()));
onKey("F9", "receiving.pause", () => leaveBy(() => pause.requestSubmit()));
