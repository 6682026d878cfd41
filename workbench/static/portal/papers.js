// The papers page: files are sent as they are chosen or dropped, one after the other; forms act without leaving the page.

import { show } from "../js/http.js";
import { toast } from "../js/toast.js";
import { word } from "../js/words.js";
import "./page_dialog.js";
import { renew } from "./renewing.js";
import { FileGone, send } from "./uploading.js";

const slots = document.querySelector("#slots");
const limit = Number(slots.dataset.limit);
const queue = [];
let busy = false;

slots.classList.add("scripted");
for (const each of document.querySelectorAll("[data-without-script]")) each.hidden = true;
for (const each of document.querySelectorAll("[data-drop-words]")) each.hidden = false;

function problem(section, message) {
  const line = document.querySelector("template#slot-problem").content.firstElementChild.cloneNode(true);
  line.querySelector("span").textContent = message;
  section.querySelector("[data-problems]").append(line);
}

function add(section, files) {
  section.querySelector("[data-problems]").replaceChildren();
  for (const file of files) {
    const name = file.name;
    if (file.size > limit) problem(section, word("upload.too_large", { name }));
    else if (file.size === 0) problem(section, word("upload.empty", { name }));
    else queue.push({ section, file, line: lineFor(section, file), cancel: new AbortController() });
  }
  for (const job of queue) job.line.querySelector("[data-cancel]").onclick = () => job.cancel.abort();
  work();
}

function lineFor(section, file) {
  const line = document.querySelector("template#upload-line").content.firstElementChild.cloneNode(true);
  line.querySelector("[data-upload-name]").textContent = file.name;
  line.querySelector("[data-upload-words]").textContent = word("upload.waiting");
  const bar = line.querySelector("progress");
  bar.max = file.size;
  bar.setAttribute("aria-label", file.name);
  section.querySelector("[data-uploads]").append(line);
  return line;
}

async function work() {
  if (busy) return;
  busy = true;
  for (let job = queue.shift(); job; job = queue.shift()) await run(job);
  busy = false;
}

async function run({ section, file, line, cancel }) {
  const name = file.name;
  const words = line.querySelector("[data-upload-words]");
  const bar = line.querySelector("progress");
  const tell = (state, values = {}) => {
    if (state === "progress") bar.value = values.received;
    const percent = Math.floor((100 * (values.received ?? 0)) / file.size);
    words.textContent = word(`upload.${state}`, { ...values, percent });
    line.classList.toggle("lost", state === "lost");
  };
  const known = unfinished(section, file);
  try {
    cancel.signal.throwIfAborted();
    await send({ file, slot: section.dataset.slot, url: slots.dataset.uploadsUrl, known, signal: cancel.signal, tell });
    toast(word("upload.done", { name }), "done");
  } catch (error) {
    if (error instanceof FileGone) problem(section, word("upload.changed", { name }));
    else if (error.name !== "AbortError") told(section, name, error);
  } finally {
    line.remove();
    await renew(slots.dataset.pageUrl).catch(() => {});
  }
}

/** A refusal of the file stands beside the slot and names it already; anything else is said with the name. */
function told(section, name, error) {
  const reason = [error.message, error.advice].filter(Boolean).join(" ");
  problem(section, error.status === 422 ? error.message : word("upload.refused", { name, reason }));
}

function unfinished(section, file) {
  const lines = [...section.querySelectorAll("[data-upload]")];
  return lines
    .filter((line) => line.dataset.name === file.name && Number(line.dataset.size) === file.size)
    .map((line) => ({ address: line.dataset.upload, size: Number(line.dataset.size) }));
}

slots.addEventListener("change", (event) => {
  const section = event.target.closest("[data-slot]");
  if (event.target.type !== "file" || !section) return;
  add(section, [...event.target.files]);
  event.target.value = "";
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-act], [data-forget]")) return;
  event.preventDefault();
  try {
    await renew(form.action, new FormData(form));
  } catch (error) {
    show(error);
  }
});

let dragged = null;
const carriesFiles = (event) => [...event.dataTransfer.types].includes("Files");

slots.addEventListener("dragover", (event) => {
  const section = event.target.closest("[data-slot]");
  if (!section || !(carriesFiles(event) || dragged?.closest("[data-slot]") === section)) return;
  event.preventDefault();
  if (carriesFiles(event)) section.classList.add("over");
});
slots.addEventListener("dragleave", (event) => {
  const section = event.target.closest("[data-slot]");
  if (section && !section.contains(event.relatedTarget)) section.classList.remove("over");
});
slots.addEventListener("drop", async (event) => {
  const section = event.target.closest("[data-slot]");
  if (!section) return;
  event.preventDefault();
  section.classList.remove("over");
  if (carriesFiles(event)) return add(section, [...event.dataTransfer.files]);
  const place = event.target.closest("[data-place]")?.dataset.place;
  if (!dragged || place === undefined) return;
  const form = dragged.querySelector('form[action$="/move"]');
  const values = new FormData(form);
  values.set("place", place);
  await renew(form.action, values).catch(show);
});
slots.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.("[data-order] > [data-place]") ?? null;
});
slots.addEventListener("dragend", () => {
  dragged = null;
});
