// The account pages: another captcha, the enterprise code checked as typed, the field that one category needs.

import { ask, post } from "../js/http.js";

/** Milliseconds after which a picture is renewed when somebody turns to it: it is good for ten minutes. */
const STALE = 8 * 60 * 1000;

async function renew(box) {
  const fresh = await ask(box.dataset.captcha).catch(() => null);
  if (!fresh) return;
  box.querySelector('[name="captcha_token"]').value = fresh.token;
  box.querySelector("img").src = fresh.picture;
  box.querySelector("[data-captcha-question]").textContent = fresh.question;
  box.querySelector('[name="captcha"]').value = "";
  box.shownAt = Date.now();
}

for (const box of document.querySelectorAll("[data-captcha]")) {
  const answer = box.querySelector('[name="captcha"]');
  const another = box.querySelector("[data-captcha-another]");
  box.shownAt = Date.now();
  another.hidden = false;
  another.addEventListener("click", async () => {
    await renew(box);
    answer.focus();
  });
  answer.addEventListener("focus", () => {
    if (Date.now() - box.shownAt > STALE) renew(box);
  });
}

const code = document.querySelector("[data-check-code]");
let asked = 0;

async function checkCode() {
  const place = document.querySelector("[data-code-answer]");
  const number = ++asked;
  if (!code.value.trim()) {
    place.textContent = "";
    return;
  }
  const form = new URLSearchParams({ code: code.value });
  const answer = await post(code.dataset.checkCode, { form, quiet: true }).catch(() => null);
  if (number !== asked) return;
  place.textContent = answer?.message ?? "";
  place.className = `code-answer ${answer?.good ? "good" : "bad"}`;
}

if (code) {
  code.addEventListener("change", checkCode);
  code.addEventListener("input", () => {
    if (code.value.replace(/\s/g, "").length === 18) checkCode();
  });
}

const dependent = document.querySelector("[data-only-for]");

function showDependent() {
  const chosen = document.querySelector('[name="category"]:checked')?.value;
  dependent.hidden = chosen !== dependent.dataset.onlyFor;
}

if (dependent) {
  for (const choice of document.querySelectorAll('[name="category"]')) choice.addEventListener("change", showDependent);
  showDependent();
}

const hint = document.querySelector("[data-caps-hint]");

for (const field of document.querySelectorAll("[data-caps]")) {
  for (const kind of ["keydown", "keyup", "pointerdown"]) {
    field.addEventListener(kind, (event) => {
      if (hint) hint.hidden = !event.getModifierState?.("CapsLock");
    });
  }
  field.addEventListener("blur", () => {
    if (hint) hint.hidden = true;
  });
}

document.querySelector("[data-summary]")?.focus();
