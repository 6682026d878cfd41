// The packing table: every scan goes into the chosen box at once; what does not belong stays on top, in red, until it
// has been put aside. The lists follow the server's answers; when somebody else packs too, they are read anew.

import { readAnew } from "../js/fresh.js";
import { post } from "../js/http.js";
import { bind } from "../js/keys.js";
import { Scanner, sound } from "../js/scanning.js";
import { word } from "../js/words.js";

const table = document.querySelector("[data-packing]");
const form = document.querySelector("[data-scan-form]");
const part = (name) => document.querySelector(`[data-${name}]`);
const seal = document.querySelector("[data-seal]");
const outButton = document.querySelector("[data-out]");
const differences = document.querySelector("[data-differences]");
const refused = document.querySelector("[data-refused]");
const memory = `packing.refused.${table.dataset.consignment}`;
const LISTS = ["[data-waiting]", "[data-packed]", "[data-boxes]"];
let takingOut = false;
let stale = false;

function takeOutNext(on) {
  takingOut = on;
  outButton.setAttribute("aria-pressed", String(on));
  table.classList.toggle("is-taking-out", on);
  scanner.field.placeholder = word(on ? "packing.take-out-now" : "packing.scan-now");
  scanner.field.focus();
}

function row(lines, serial) {
  return [...lines.children].find((each) => each.dataset.serial === serial);
}

function addPacked(answer) {
  const line = document.querySelector("#packed-row").content.firstElementChild.cloneNode(true);
  line.dataset.serial = answer.serial;
  line.querySelector("[data-box]").textContent = answer.box;
  line.querySelector("[data-serial-text]").textContent = answer.serial;
  line.querySelector("[data-enterprise]").textContent = answer.enterprise;
  line.querySelector("[name=serial]").value = answer.serial;
  line.classList.add("is-new");
  part("packed").prepend(line);
  part("packed").scrollTop = 0;
}

function showCounts({ counts, version }) {
  if (!counts) return;
  document.querySelector("[data-scan-done]").textContent = counts.packed;
  document.querySelector("[data-scan-all]").textContent = counts.all;
  document.querySelector("[data-packed-count]").textContent = counts.packed;
  document.querySelector("[data-waiting-count]").textContent = counts.waiting;
  document.querySelector("[data-none-waiting]").hidden = counts.waiting > 0;
  seal.querySelector("[data-version]").value = version;
  counts.boxes.forEach((count, place) => {
    const shown = document.querySelector(`[data-box-count="${place + 1}"]`);
    if (shown) shown.textContent = count;
  });
  const boxes = document.querySelectorAll("[data-box-count]").length;
  stale ||= counts.packed !== part("packed").children.length || counts.boxes.length !== boxes;
}

/** Read the lists anew: somebody else packs too, or a key has gone back to where it waits. */
async function refresh() {
  if (!stale) return;
  stale = false;
  if (!(await readAnew(LISTS))) location.reload(); // sealed meanwhile
}

function keepRefused() {
  const lines = [...refused.children].map((line) => [line.dataset.serial, line.textContent]);
  sessionStorage.setItem(memory, JSON.stringify(lines));
  differences.hidden = lines.length === 0;
}

function addRefused(serial, why) {
  row(refused, serial)?.remove();
  const line = document.createElement("li");
  line.dataset.serial = serial;
  line.textContent = why;
  refused.prepend(line);
}

function show(answer, text) {
  if (answer.tone === "refused") {
    if (answer.aside && !takingOut) addRefused(text, answer.detail);
    keepRefused();
    showCounts(answer);
    return;
  }
  if (answer.box === 0) {
    takeOutNext(false);
    stale = true;
    showCounts(answer);
    return;
  }
  row(part("waiting"), answer.serial)?.remove();
  row(refused, answer.serial)?.remove();
  keepRefused();
  if (!row(part("packed"), answer.serial)) addPacked(answer);
  showCounts(answer);
  const isLast = answer.tone === "ok" && answer.counts.waiting === 0;
  if (isLast) scanner.say({ tone: "done", word: word("packing.complete"), detail: answer.detail });
}

const scanner = new Scanner(form, {
  send: (serial) => {
    const body = new FormData();
    body.append("serial", serial);
    if (!takingOut) body.append("box", form.elements.box.value);
    return post(takingOut ? table.dataset.takeOut : form.action, { form: body, quiet: true });
  },
  show,
  idle: refresh,
});

for (const [serial, why] of JSON.parse(sessionStorage.getItem(memory) ?? "[]").reverse()) addRefused(serial, why);
keepRefused();

document.querySelector("[data-clear]").addEventListener("click", () => {
  refused.replaceChildren();
  keepRefused();
  scanner.field.focus();
});

outButton.hidden = false;
outButton.addEventListener("click", () => leaveBy(() => takeOutNext(!takingOut)));

// What is on its way was scanned before: it has to arrive first.
function leaveBy(act) {
  if (scanner.busy) sound("refused");
  else act();
}

bind({ key: "F2", label: word("packing.next-box"), run: () => leaveBy(() => part("add-box").requestSubmit()) });
bind({ key: "F4", label: word("packing.take-out"), run: () => leaveBy(() => takeOutNext(!takingOut)) });
bind({ key: "F8", label: word("packing.seal"), run: () => leaveBy(() => seal.requestSubmit()) });
bind({ key: "F9", label: word("packing.check"), run: () => leaveBy(() => part("check").click()) });
