// Takes what changed from a fresh copy of the page, so that the server's page is the only place that knows how it looks.

import { Problem } from "../js/http.js";
import { word } from "../js/words.js";

const PARTS = "[data-slot-part], [data-uploads], [data-part], [data-flashes]";

/**
 * Fetch the page (by POST when `values` are given) and put its parts in the place of the old ones.
 * @throws {Problem} the server refused, or could not be reached.
 */
export async function renew(url, values = null) {
  const page = await fetched(url, values);
  const fresh = parts(page);
  for (const [key, old] of parts(document)) {
    const now = fresh.get(key);
    if (now && plain(now) !== plain(old)) replace(old, now);
  }
}

async function fetched(url, values) {
  const options = values ? { method: "POST", body: values } : {};
  let response;
  try {
    response = await fetch(url, { ...options, headers: { Accept: "text/html" }, credentials: "same-origin" });
  } catch {
    throw new Problem(0, { detail: word("network.failed") });
  }
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (response.ok && page.querySelector("#slots")) return page;
  throw new Problem(response.status, { detail: page.querySelector("main h1")?.textContent.trim() });
}

/** The parts of a page by what they are: a slot's by its code, others by their own name. */
function parts(page) {
  const found = new Map();
  for (const part of page.querySelectorAll(PARTS)) {
    const slot = part.closest("[data-slot]")?.dataset.slot ?? "";
    const name = part.dataset.slotPart ?? part.dataset.part ?? (part.matches("[data-uploads]") ? "uploads" : "flashes");
    found.set(`${slot}/${name}`, part);
  }
  return found;
}

/** How a part reads, but for the form tokens, which are new each time, and lines that live in this page alone. */
function plain(part) {
  const copy = part.cloneNode(true);
  for (const each of copy.querySelectorAll('input[name="csrf_token"], .upload-line:not([data-upload])')) each.remove();
  for (const each of copy.querySelectorAll("details")) each.removeAttribute("open");
  for (const each of copy.querySelectorAll("[draggable]")) each.removeAttribute("draggable");
  return copy.innerHTML.replace(/\s+/g, " ").trim();
}

function replace(old, now) {
  const focused = old.contains(document.activeElement) ? document.activeElement.id : null;
  const open = [...old.querySelectorAll("details")].map((each) => each.open);
  const running = [...old.querySelectorAll(".upload-line:not([data-upload])")];
  old.replaceChildren(...document.adoptNode(now).childNodes, ...running);
  old.querySelectorAll("details").forEach((each, place) => {
    each.open = open[place] ?? false;
  });
  makeDraggable(old);
  if (focused !== null) refocus(old, focused);
}

function refocus(part, id) {
  const same = id ? document.getElementById(id) : null;
  if (same && !same.disabled) return same.focus();
  const slot = part.closest("[data-slot]");
  (slot?.querySelector('input[type="file"]') ?? document.querySelector("main"))?.focus();
}

function makeDraggable(root) {
  for (const list of root.querySelectorAll("[data-order]")) {
    for (const paper of list.children) paper.draggable = list.children.length > 1;
  }
}

makeDraggable(document);
