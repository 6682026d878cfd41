// Seal preparation: the frame on the letter, the seal the server makes of it, Enter accepts and brings the next case.

import { post } from "../js/http.js";
import { bind } from "../js/keys.js";
import { Sheet } from "../js/sheet.js";
import { toast } from "../js/toast.js";
import { word } from "../js/words.js";
import { Frame } from "./frame.js";

const data = JSON.parse(document.querySelector("#prepare-data").textContent);
const root = document.querySelector("[data-prepare]");
const find = (selector) => root.querySelector(selector);
const form = find("[data-accept-form]");
const STEP_MM = 0.5;
const SETTLED = 140; // milliseconds without a change before the server is asked
const TILE_MM = 46; // what a tile shows, so that seals are seen at one scale

let sheet, frame, asking;
let place = data.place;
let waiting = 0;

const page = () => data.pages[place];
const field = (name) => form.elements[name];

/** Show the seal the server made, or why there is none. */
function show(seal) {
  const problem = find("[data-problem]");
  problem.hidden = !seal.problem;
  problem.querySelector("span").textContent = seal.problem ?? "";
  const warnings = find("[data-warnings]");
  warnings.hidden = !seal.warnings?.length;
  warnings.replaceChildren(...(seal.warnings ?? []).map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  find("[data-size]").textContent = seal.problem ? "" : word("size", seal);
  for (const picture of root.querySelectorAll("[data-picture]")) {
    picture.hidden = Boolean(seal.problem);
    if (!seal.problem) {
      picture.dataset.width = seal.width;
      picture.src = seal.picture;
    }
  }
  if (!seal.problem) field("width_mm").placeholder = seal.ink_width;
  scaleTiles();
  find("[data-accept]").disabled = Boolean(seal.problem);
}

/** Every seal at the same scale, the new one and the one before. */
function scaleTiles() {
  for (const picture of root.querySelectorAll(".ground img[data-width]")) {
    picture.style.width = `${(Math.min(TILE_MM, picture.dataset.width) / TILE_MM) * 100}%`;
  }
}

/** Put the frame into the form and ask the server what it would give. */
function changed() {
  if (!frame.box) return;
  for (const [name, value] of Object.entries(frame.box)) field(name).value = value.toFixed(5);
  field("page_id").value = page().id;
  field("rotation").value = page().rotation;
  find("[data-accept]").disabled = true;
  find("[data-tiles]").classList.add("stale");
  clearTimeout(waiting);
  waiting = setTimeout(preview, SETTLED);
}

async function preview() {
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  try {
    show(await post(data.preview, { form: new FormData(form), signal }));
    find("[data-tiles]").classList.remove("stale");
  } catch (error) {
    if (error.name !== "AbortError") find("[data-accept]").disabled = true;
  }
}

async function showPage(to, box) {
  place = to;
  for (const button of root.querySelectorAll("[data-page]")) {
    if (Number(button.dataset.page) === to) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
  frame.box = null;
  const seen = sheet.show(page(), word("page", { page: to + 1 }));
  frame.set(box);
  requestAnimationFrame(() => frame.reveal());
  if (!(await seen) && sheet.broken) toast(word("page.broken"), "late");
}

/** Turn the page; the frame keeps its place on the paper. */
function rotate() {
  const { box } = frame;
  sheet.turn((page().rotation + 90) % 360);
  if (box) frame.set({ x0: 1 - box.y1, y0: box.x0, x1: 1 - box.y0, y1: box.x1 });
  if (box) field("tilt").value = wrapped(Number(field("tilt").value) - 90);
  changed();
  frame.reveal();
}

function wrapped(degrees) {
  const turned = ((degrees + 180) % 360 + 360) % 360 - 180;
  return Math.round(turned * 10) / 10;
}

function tilt(by) {
  field("tilt").value = wrapped(Number(field("tilt").value) + by);
  changed();
}

/** Back to the frame the page came with. */
function reset() {
  if (!data.crop) return;
  data.pages[data.place].rotation = data.crop.rotation;
  field("tilt").value = data.crop.tilt;
  field("width_mm").value = data.crop.width_mm ?? "";
  showPage(data.place, data.crop).then(changed);
}

/** Half a millimetre on an A4 page, as fractions of the page as shown. */
function step() {
  const upright = (page().height > page().width) === (page().rotation % 180 === 0);
  const [width, height] = upright ? [210, 297] : [297, 210];
  return [STEP_MM / width, STEP_MM / height];
}

function arrow(event, across, down) {
  if (!frame.box) return;
  const [x, y] = step();
  if (event.shiftKey) frame.resize(2 * across * x, -2 * down * y);
  else frame.move(across * x, down * y);
  frame.reveal();
}

const acts = {
  out: () => sheet.zoom(1 / 1.25),
  in: () => sheet.zoom(1.25),
  fit: () => sheet.fitTo(sheet.fit === "width" ? "page" : "width"),
  rotate,
  find: reset,
};

function bindKeys() {
  const arrows = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
  for (const [key, [across, down]] of Object.entries(arrows)) {
    const first = key === "ArrowUp";
    bind({ key, shown: "← ↑ → ↓", label: first ? word("keys.move") : "", run: (event) => arrow(event, across, down) });
  }
  bind({ key: "[", shown: "[ ]", label: word("keys.tilt"), run: () => tilt(-1) });
  bind({ key: "]", label: "", run: () => tilt(1) });
  bind({ key: "r", label: word("keys.rotate"), run: rotate });
  bind({ key: "f", label: word("keys.find"), run: reset });
  bind({ key: "+", shown: "+ − 0", label: word("keys.zoom"), run: acts.in });
  bind({ key: "=", label: "", run: acts.in });
  bind({ key: "-", label: "", run: acts.out });
  bind({ key: "0", label: "", run: acts.fit });
  if (data.pages.length > 1) {
    const turn = (delta) => data.pages[place + delta] && showPage(place + delta, frame.box).then(changed);
    bind({ key: "PageUp", shown: "PgUp PgDn", label: word("keys.page"), run: () => turn(-1) });
    bind({ key: "PageDown", label: "", run: () => turn(1) });
  }
}

function start() {
  sheet = new Sheet(find("[data-stage]"));
  frame = new Frame(sheet, changed);
  if (data.crop) page().rotation = data.crop.rotation;
  sheet.stage.addEventListener("scaled", (event) => {
    find("[data-scale]").textContent = `${Math.round(event.detail * 100)}%`;
  });
  root.addEventListener("click", (event) => {
    acts[event.target.closest("[data-act]")?.dataset.act]?.();
    const chosen = event.target.closest("[data-page]")?.dataset.page;
    if (chosen !== undefined) showPage(Number(chosen), frame.box).then(changed);
  });
  field("tilt").addEventListener("input", changed);
  field("width_mm").addEventListener("input", changed);
  bindKeys();
  showPage(place, data.crop);
  sheet.stage.focus({ preventScroll: true });
}

const onButton = () => document.activeElement?.closest("a, button, summary") !== null;
bind({ key: "Enter", shown: "⏎", label: word("keys.accept"), run: () => find("[data-accept]").click(), when: () => !onButton() });
bind({ key: "n", label: word("keys.skip"), run: () => find("[data-skip]").click() });
form.addEventListener("submit", (event) => {
  if (form.dataset.sent || find("[data-accept]").disabled) event.preventDefault();
  form.dataset.sent = "yes";
});
scaleTiles();
if (data.pages.length) start();
root.dataset.ready = "yes";
