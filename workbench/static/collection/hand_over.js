// The five steps of a hand-over: each folds when it is done, any can be opened again. What is finished is kept on the
// device before it is sent, so that a line that drops loses nothing.

import { bind, bound } from "../js/keys.js";
import { scannedText, sound } from "../js/scanning.js";
import { toast } from "../js/toast.js";
import { word } from "../js/words.js";
import { deliver, refusalOf } from "./line.js";
import { enlargePages, watchPages } from "./looking.js";
import { Pad } from "./signature.js";

const form = document.querySelector("[data-hand-over]");
const field = form.elements;
const step = Object.fromEntries([...form.querySelectorAll("[data-step]")].map((each) => [each.dataset.step, each]));
const ORDER = ["find", "originals", "stamping", "collector", "sign"];
const originals = [...form.querySelectorAll("[data-original]")];
const pages = [...form.querySelectorAll("[data-page]")];
const allMatch = form.querySelector("[data-all-match]");
const give = form.querySelector("[data-give]");
const serial = form.querySelector("[data-serial]");
const pad = new Pad(form.querySelector("[data-pad]"), update);
let current = "originals";
let sending = false;

const chosen = (name) => form.querySelector(`[name="${name}"]:checked`)?.value ?? "";
const tick = (original) => chosen(`original-${original.dataset.original}`);
const differing = () => originals.filter((each) => tick(each) === "differs");
const said = (original) => original.querySelector("[data-remark] input").value.trim();
const isKey = () => scannedText(serial.value) === form.dataset.serial;

const done = {
  find: () => true,
  originals: () => originals.every((each) => tick(each) === "match" || (tick(each) === "differs" && said(each))),
  stamping: () => chosen("stamping") === "passed" && differing().length === 0 && field.remark.value.trim() !== "",
  collector: () => chosen("collector") === "holder" || (chosen("collector") === "delegate" && isDelegateProven()),
  sign: () => isKey() && isSigned(),
};

function isDelegateProven() {
  return field.delegate_name.value.trim() !== "" && !identityProblem() && field.letter.files.length > 0;
}

/** What is wrong with the delegate's identity number (GB 11643), as a word of this page; the server looks once more. */
function identityProblem() {
  const number = scannedText(field.delegate_identity.value).replace(/\s/g, "").toUpperCase();
  if (number.length !== 18) return "counter.identity-length";
  if (!/^\d{17}[\dX]$/.test(number)) return "counter.identity-characters";
  const sum = [...number.slice(0, 17)].reduce((total, digit, place) => total + digit * (2 ** (17 - place) % 11), 0);
  return number[17] === "10X98765432"[sum % 11] ? "" : "counter.identity-checksum";
}

function sayIdentity(problem) {
  const place = form.querySelector("[data-identity-said]");
  place.textContent = problem ? word(problem) : "";
  place.hidden = !problem;
  field.delegate_identity.toggleAttribute("aria-invalid", Boolean(problem));
}

function isSigned() {
  return !pad.empty || field.slip.files.length > 0;
}

const summary = {
  find: () => form.dataset.number,
  originals: () => (differing().length ? word("counter.differ", { count: differing().length }) : word("counter.match")),
  stamping: () => word("counter.pass"),
  collector: () => word(`counter.${chosen("collector")}`),
  sign: () => "",
};

function open(name, { focus = true } = {}) {
  current = name;
  update();
  if (!focus) {
    step[name].scrollIntoView({ block: "start" });
    return;
  }
  const target = { originals: allMatch, sign: serial }[name] ?? step[name].querySelector("input, textarea");
  target?.focus({ preventScroll: true });
  if (name !== "originals") step[name].scrollIntoView({ block: "start" });
}

/** Go on to the first step that is not done, when the one in hand is. */
function goOn() {
  update();
  if (!done[current]()) return;
  const next = ORDER.find((each) => !done[each]());
  if (next && next !== current) open(next);
}

function update() {
  const refusing = differing().length > 0 || chosen("stamping") === "refused";
  for (const name of ORDER) {
    const section = step[name];
    const isOpen = name === current || (refusing && name === "stamping" && current === "originals" && done.originals());
    section.classList.toggle("is-open", isOpen);
    section.classList.toggle("is-done", done[name]());
    section.classList.toggle("is-off", refusing && (name === "collector" || name === "sign"));
    section.querySelector("[data-fold]").setAttribute("aria-expanded", String(isOpen));
    section.querySelector("[data-said]").textContent = done[name]() && !isOpen ? summary[name]() : "";
  }
  for (const each of originals) each.querySelector("[data-remark]").hidden = tick(each) !== "differs";
  form.querySelector("[data-refusal]").hidden = !refusing;
  form.querySelector("[data-delegate]").hidden = chosen("collector") !== "delegate";
  tellMissing();
}

function missing() {
  const parts = ["originals", "stamping", "collector"].filter((name) => !done[name]());
  if (!isKey()) parts.push("key");
  if (!isSigned()) parts.push("signature");
  return parts.map((name) => word(`counter.missing-${name}`));
}

function tellMissing() {
  const parts = missing();
  give.disabled = sending || parts.length > 0;
  form.querySelector("[data-missing]").textContent = parts.length ? word("counter.missing", { steps: parts.join(" · ") }) : "";
}

function matchAll() {
  if (allMatch.disabled) return;
  // What was seen to differ stays so: it is taken back one by one.
  for (const each of originals) if (tick(each) !== "differs") each.querySelector('[value="match"]').checked = true;
  sound("ok");
  goOn();
}

/** Do what belongs to a step once those before it are done; before that, say what comes first and go there. */
function inTurn(name, act) {
  const first = ORDER.slice(0, ORDER.indexOf(name)).find((each) => !done[each]());
  if (!first) {
    act();
    return;
  }
  sound("refused");
  toast(word("counter.first", { step: word(`counter.missing-${first}`) }));
  open(first);
}

function stamp(outcome) {
  if (outcome === "passed" && differing().length) {
    sound("refused");
    toast(word("counter.still-differs"));
    return;
  }
  form.querySelector(`input[name="stamping"][value="${outcome}"]`).checked = true;
  const remark = field.remark;
  const { passed, refused } = remark.dataset;
  if ([passed, refused, ""].includes(remark.value.trim())) remark.value = remark.dataset[outcome];
  goOn();
}

function collect(kind) {
  form.querySelector(`[name="collector"][value="${kind}"]`).checked = true;
  goOn();
  if (kind === "delegate" && !field.delegate_name.value) field.delegate_name.focus();
}

function checkKey() {
  const place = form.querySelector("[data-key-said]");
  const text = scannedText(serial.value);
  if (!text) return;
  serial.value = text;
  place.dataset.tone = isKey() ? "ok" : "refused";
  place.textContent = isKey() ? word("counter.key-right") : word("counter.key-wrong", { serial: text });
  sound(isKey() ? "ok" : "refused");
  if (!isKey()) serial.select();
  else form.querySelector("[data-canvas]").focus({ preventScroll: true });
  update();
}

async function fields(outcome) {
  field.captured_at.value = new Date().toISOString();
  const found = [...new FormData(form)].filter(([name, value]) => {
    if (name === "csrf_token" || name === "stamping") return false;
    return typeof value === "string" || value.size > 0;
  });
  found.push(["stamping", outcome]);
  if (outcome === "passed" && !pad.empty && !field.slip.files.length) found.push(["signature", await pad.picture()]);
  return found;
}

async function finish(outcome) {
  if (sending || (outcome === "passed" ? missing().length > 0 : !done.originals() || !differing().length)) return;
  sending = true;
  const place = form.querySelector("[data-missing]");
  update();
  place.textContent = word("counter.sending");
  const { number, name } = form.dataset;
  const capture = { id: field.client_id.value, url: form.action, number, name, fields: await fields(outcome) };
  const answer = await deliver(capture);
  if (answer) {
    sound("done");
    location.assign(answer.url);
    return;
  }
  const why = await refusalOf(capture.id);
  if (!why) {
    form.classList.add("is-kept");
    place.textContent = word("counter.kept");
    sound("repeat");
    return;
  }
  // Corrected, the attempt is sent again under its id: nothing was written of the refused one.
  sound("refused");
  sending = false;
  update();
  toast(why, "late");
}

addEventListener("counter:sent", ({ detail }) => {
  if (detail.id === field.client_id.value) location.assign(detail.answer.url);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  finish(event.submitter?.hasAttribute("data-refuse") ? "refused" : "passed");
});
form.addEventListener("change", (event) => {
  if (event.target.name === "stamping") stamp(event.target.value);
  else if (event.target.name === "collector") collect(event.target.value);
  else if (event.target.name?.startsWith("original-") && event.target.value === "differs") {
    stamp("refused");
    event.target.closest("[data-original]").querySelector("[data-remark] input").focus();
  } else if (event.target.name?.startsWith("original-") && !differing().length && chosen("stamping") === "refused") {
    for (const each of form.querySelectorAll('input[name="stamping"]')) each.checked = false;
    field.remark.value = field.remark.dataset.passed;
    goOn();
  } else if (!event.target.closest('[data-step="originals"], [data-step="sign"]')) goOn();
  else if (tick(event.target.closest("[data-original]") ?? originals[0]) === "match") goOn();
  else update();
});
form.addEventListener("input", update);
field.delegate_identity.addEventListener("input", () => sayIdentity(""));
field.delegate_identity.addEventListener("change", () => sayIdentity(field.delegate_identity.value.trim() && identityProblem()));
serial.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing) return;
  event.preventDefault();
  checkKey();
});
serial.addEventListener("change", checkKey);
for (const input of form.querySelectorAll("input:not([data-serial])")) {
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) event.preventDefault();
  });
}
for (const [name, section] of Object.entries(step)) {
  section.querySelector("[data-fold]").addEventListener("click", () => open(name));
}
allMatch.hidden = false;
allMatch.addEventListener("click", matchAll);
watchPages(pages, (left) => {
  allMatch.disabled = left > 0;
  form.querySelector("[data-look]").textContent = left ? word("counter.look", { count: left }) : word("counter.looked");
  if (!left && current === "originals") allMatch.focus({ preventScroll: true });
});
enlargePages(pages, document.querySelector("[data-enlarged]"));

bind({ key: "F2", label: word("counter.all-match"), run: matchAll, when: () => current === "originals" });
bind({ key: "F4", label: word("counter.pass"), run: () => inTurn("stamping", () => stamp("passed")) });
bind({ key: "F6", label: word("counter.holder"), run: () => inTurn("collector", () => collect("holder")) });
bind({ key: "F7", label: word("counter.delegate"), run: () => inTurn("collector", () => collect("delegate")) });
bind({ key: "F8", label: word("counter.give"), run: () => finish(differing().length ? "refused" : "passed") });
// Function keys work while somebody writes, too: they type nothing.
form.addEventListener("keydown", (event) => {
  if (!/^F\d+$/.test(event.key) || !event.target.matches("input, textarea")) return;
  const binding = bound().find((each) => each.key === event.key && (!each.when || each.when()));
  if (!binding) return;
  event.preventDefault();
  event.stopPropagation();
  binding.run(event);
});

form.classList.add("is-stepped");
open("originals", { focus: false });
form.dataset.ready = "";
