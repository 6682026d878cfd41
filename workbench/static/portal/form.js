// Keeps the form as it is typed: field by field, some time after the last key, when a field is left, when the page is
// hidden. Says when it was kept, tries again while there is no connection, and never stops the form's own buttons.

import { word } from "../js/words.js";

const PAUSE = 800;
const RETRY = 4000;
const form = document.querySelector("[data-autosave]");
const line = form.querySelector("[data-saved]");
const left = new Set();
const remembered = new Map(); // problems of fields nobody has left yet: told when they are
let masked = "";
let waiting = {};
let timer = 0;
let sending = null;
let stopped = false;

function say(sentence, failed = false) {
  if (line.textContent !== sentence) line.textContent = sentence;
  line.classList.toggle("failed", failed);
}

function note(field) {
  if (!field.name || field.type === "hidden" || field.type === "submit") return false;
  if (field.type === "radio" && !field.checked) return false;
  waiting[field.name] = field.value;
  if (field.name === "prior_choice" && field.value === "other") waiting.prior_key = form.elements.prior_key.value;
  return true;
}

function later(pause) {
  clearTimeout(timer);
  timer = setTimeout(send, pause);
}

function send() {
  clearTimeout(timer);
  if (stopped || sending || Object.keys(waiting).length === 0) return sending;
  const values = waiting;
  waiting = {};
  sending = deliver(values).finally(() => {
    sending = null;
    if (Object.keys(waiting).length && !stopped) later(line.classList.contains("failed") ? RETRY : PAUSE);
  });
  return sending;
}

async function deliver(values) {
  let response;
  try {
    response = await fetch(form.dataset.autosave, {
      method: "POST",
      headers: {
        Accept: "application/json",
        "Content-Type": "application/json",
        "X-CSRFToken": document.querySelector('meta[name="csrf-token"]').content,
      },
      body: JSON.stringify({ version: Number(form.dataset.version), values }),
      credentials: "same-origin",
      keepalive: true,
    });
    if (response.status >= 500) throw new TypeError("unavailable");
  } catch {
    waiting = { ...values, ...waiting };
    say(word("form.retrying"), true);
    return;
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    stopped = true;
    say([answer.detail, answer.advice].filter(Boolean).join(" ") || word("form.retrying"), true);
    return;
  }
  kept(answer, values);
}

function kept(answer, values) {
  form.dataset.version = answer.version;
  form.elements.version.value = answer.version;
  say(word("form.saved", { time: answer.saved_at }));
  for (const [name, sentence] of Object.entries(answer.problems)) {
    if (!sentence || left.has(name)) tellProblem(name, sentence);
    else remembered.set(name, sentence);
  }
  tellVoid([answer.stale, answer.void].filter(Boolean).join(" "));
  if ("holder_identity_number" in values) {
    masked = answer.problems.holder_identity_number ? "" : answer.identity;
    showMasked();
  }
  if ("authority_id" in values) fetchSites();
}

function tellProblem(name, sentence) {
  remembered.delete(name);
  const field = form.querySelector(`#${CSS.escape(name)}`);
  if (!field) return;
  const id = `${name}-error`;
  let place = document.getElementById(id);
  const described = (field.getAttribute("aria-describedby") ?? "").split(" ").filter((each) => each && each !== id);
  if (!sentence) {
    place?.remove();
    field.removeAttribute("aria-invalid");
    if (described.length) field.setAttribute("aria-describedby", described.join(" "));
    else field.removeAttribute("aria-describedby");
    return;
  }
  if (!place) {
    place = document.querySelector("#field-problem").content.firstElementChild.cloneNode(true);
    place.id = id;
    field.closest(".field").append(place);
  }
  place.querySelector("span").textContent = sentence;
  if (field.matches(".input")) field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", [...described, id].join(" "));
}

function tellVoid(sentence) {
  const place = document.querySelector("[data-void]");
  if (!sentence) {
    place.replaceChildren();
    return;
  }
  const banner = document.querySelector("#void-banner").content.firstElementChild.cloneNode(true);
  banner.setAttribute("role", "status");
  banner.querySelector("div").textContent = sentence;
  place.replaceChildren(banner);
}

// Once kept, the number is shown masked, here as everywhere.
function showMasked() {
  const place = form.querySelector("[data-identity]");
  const field = form.elements.holder_identity_number;
  if (!masked || document.activeElement === field || field.name in waiting) return;
  place.textContent = masked;
  place.parentElement.hidden = false;
  field.value = "";
  masked = "";
}

async function fetchSites() {
  const place = form.querySelector("[data-sites]");
  if (!place) return;
  const response = await fetch(form.action, { credentials: "same-origin" }).catch(() => null);
  if (!response?.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const found = page.querySelector("[data-sites]");
  if (found) place.replaceChildren(...found.childNodes);
}

function showAsked() {
  const chosen = form.querySelector('[name="category"]:checked');
  for (const place of form.querySelectorAll("[data-only-for]")) place.hidden = chosen?.value !== place.dataset.onlyFor;
  const key = form.querySelector('[name="prior_choice"]:checked');
  const typed = form.querySelector(".typed-key");
  if (typed && form.elements.prior_choice) typed.hidden = Boolean(key) && key.value !== "other";
}

form.addEventListener("input", (event) => {
  if (note(event.target)) later(PAUSE);
  showAsked();
});

form.addEventListener("change", (event) => {
  if (note(event.target)) send();
});

form.addEventListener("focusout", (event) => {
  const { name } = event.target;
  if (!name) return;
  left.add(name);
  if (name === "holder_identity_number") setTimeout(showMasked);
  if (remembered.has(name)) tellProblem(name, remembered.get(name));
  send();
});

// An older value on its way must not arrive after the whole form; and without a connection the browser would show its
// own error page in place of what was typed.
form.addEventListener("submit", async (event) => {
  if (!navigator.onLine) {
    event.preventDefault();
    say(word("form.retrying"), true);
    return;
  }
  stopped = true;
  waiting = {};
  clearTimeout(timer);
  if (!sending) return;
  event.preventDefault();
  const { submitter } = event;
  await sending;
  waiting = {};
  form.requestSubmit(submitter ?? undefined);
});

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") send();
});
window.addEventListener("online", send);
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
window.addEventListener("beforeunload", (event) => {
  if (!stopped && (sending || Object.keys(waiting).length)) event.preventDefault();
});

showAsked();
