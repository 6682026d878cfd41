// The page in view: toolbar, keys, page strip, full screen, comparison with the round before.

import { post } from "../js/http.js";
import { bind } from "../js/keys.js";
import { Sheet } from "../js/sheet.js";
import { word } from "../js/words.js";
import { currentDocument, currentPage, data, go, neighbour, on, place } from "./case_data.js";
import { change } from "./checklist.js";
import { draw, findBox } from "./overlay.js";
import { fetchNeighbours, stand } from "./prefetch.js";
import { RegionTool } from "./region.js";

const pane = document.querySelector("[data-viewer]");
const find = (selector) => pane.querySelector(selector);
const sheet = new Sheet(find("[data-stage=current]"));
const region = new RegionTool(sheet, find("[data-region-hint]"));
const problem = find("[data-page-problem]");
const shown = { boxes: localStorage.getItem("review.boxes") !== "off", lit: null };
let earlier = null;

function repaint() {
  draw(sheet, currentDocument().items, data.marks, shown);
}

async function showPage() {
  stand();
  if (region.active) region.stop();
  const page = currentPage();
  find("[data-stage=current]").hidden = !page;
  problem.hidden = Boolean(page);
  describe(page);
  if (!page) return;
  const label = word("page.of", { document: currentDocument().name, page: place.page + 1, pages: currentDocument().pages.length });
  const done = sheet.show(page, label);
  repaint();
  if (earlier) showEarlier();
  if (await done) fetchNeighbours();
  else if (sheet.broken && currentPage() === page) refuse(word("page.broken"), page.download);
}

/** Say why there is no page to see, with the file to download instead. */
function refuse(reason, download) {
  find("[data-stage=current]").hidden = true;
  problem.hidden = false;
  problem.querySelector("[data-text]").textContent = reason;
  const link = problem.querySelector("a");
  link.hidden = !download;
  if (download) link.href = download;
}

function describe(page) {
  const { pages, problems, previous } = currentDocument();
  find("[data-page-number]").textContent = pages.length ? `${place.page + 1}/${pages.length}` : "–";
  const file = find("[data-file]");
  file.hidden = !page;
  if (page) Object.assign(file, { href: page.download, title: page.file });
  for (const button of pane.querySelectorAll("[data-act]")) button.disabled = !page;
  find("[data-act=compare]").disabled = !page || previous.length === 0;
  if (!page) refuse(problems[0]?.text ?? word("page.missing"), problems[0]?.download);
  for (const [index, button] of [...find("[data-strip]").children].entries()) {
    if (index === place.page) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

function fillStrip() {
  const { pages } = currentDocument();
  const strip = find("[data-strip]");
  strip.hidden = pages.length < 2;
  strip.replaceChildren(
    ...(pages.length < 2 ? [] : pages).map((page, index) => {
      const button = Object.assign(document.createElement("button"), { type: "button" });
      button.setAttribute("aria-label", word("page.number", { page: index + 1 }));
      const width = 40;
      const image = Object.assign(new Image(width, Math.round((width * page.height) / page.width)), { loading: "lazy", alt: "" });
      image.src = page.thumbnail;
      button.append(image, String(index + 1));
      button.addEventListener("click", () => go(place.document, index));
      return button;
    }),
  );
}

function rotate() {
  const page = currentPage();
  if (!page) return;
  const before = page.rotation;
  sheet.turn((before + 90) % 360);
  if (!page.rotate) return;
  post(page.rotate, { form: new URLSearchParams({ rotation: String(page.rotation) }) }).catch(() => {
    page.rotation = before;
    if (currentPage() === page) sheet.layout();
  });
}

function showEarlier() {
  const { previous } = currentDocument();
  const page = previous[Math.min(place.page, previous.length - 1)];
  find("[data-compared]").hidden = !page;
  if (!page) return;
  earlier.fit = sheet.fit ?? "width";
  earlier.show(page, word("page.earlier", { page: page.number }));
}

function compare() {
  const side = find("[data-compared]");
  const open = side.hidden && currentDocument().previous.length > 0;
  side.hidden = !open;
  pane.classList.toggle("comparing", open);
  find("[data-act=compare]").setAttribute("aria-pressed", String(open));
  if (open) earlier ??= new Sheet(find("[data-stage=earlier]"));
  if (open) showEarlier();
  else earlier = null;
}

function askRegion(item) {
  if (!currentPage()) return;
  const old = data.marks[item]?.region;
  region.ask(old?.page_id === currentPage().id ? old : null, (chosen) => {
    change(item, { region: chosen, value: data.marks[item]?.value ?? "fault" });
    repaint();
  });
}

function toggleBoxes() {
  shown.boxes = !shown.boxes;
  localStorage.setItem("review.boxes", shown.boxes ? "on" : "off");
  find("[data-act=boxes]").setAttribute("aria-pressed", String(shown.boxes));
  repaint();
}

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else pane.requestFullscreen();
}

const acts = {
  out: () => sheet.zoom(1 / 1.25),
  in: () => sheet.zoom(1.25),
  fit: () => sheet.fitTo(sheet.fit === "width" ? "page" : "width"),
  rotate,
  boxes: toggleBoxes,
  compare,
  full: fullScreen,
};

function bindKeys() {
  const here = () => Boolean(currentPage());
  const step = (delta) => {
    const to = neighbour(delta);
    if (to) go(to.document, to.page);
  };
  bind({ key: "ArrowUp", shown: "↑ ↓", label: word("keys.document"), run: () => go(place.document - 1) });
  bind({ key: "ArrowDown", label: "", run: () => go(place.document + 1) });
  bind({ key: "ArrowLeft", shown: "← →", label: word("keys.page"), run: () => step(-1) });
  bind({ key: "ArrowRight", label: "", run: () => step(1) });
  bind({ key: "+", shown: "+ − 0", label: word("keys.zoom"), run: acts.in, when: here });
  bind({ key: "=", label: "", run: acts.in, when: here });
  bind({ key: "-", label: "", run: acts.out, when: here });
  bind({ key: "0", label: "", run: acts.fit, when: here });
  bind({ key: "r", label: word("keys.rotate"), run: rotate, when: here });
  bind({ key: "c", label: word("keys.compare"), run: compare, when: () => !find("[data-act=compare]").disabled });
  bind({ key: "b", label: word("keys.boxes"), run: toggleBoxes, when: here });
  bind({ key: "w", label: word("keys.full"), run: fullScreen, when: here });
  bind({ key: " ", shown: word("keys.space"), label: word("keys.scroll"), run: (event) => scroll(event.shiftKey ? -1 : 1), when: here });
}

function scroll(pages) {
  sheet.stage.scrollBy({ top: pages * sheet.stage.clientHeight * 0.85 });
}

export function start() {
  pane.addEventListener("click", (event) => acts[event.target.closest("[data-act]")?.dataset.act]?.());
  find("[data-act=boxes]").setAttribute("aria-pressed", String(shown.boxes));
  sheet.stage.addEventListener("scaled", (event) => {
    find("[data-scale]").textContent = `${Math.round(event.detail * 100)}%`;
  });
  on("document", fillStrip);
  on("page", showPage);
  on("marks", repaint);
  on("restored", repaint);
  on("draw", askRegion);
  on("reveal", (place) => requestAnimationFrame(() => sheet.reveal(place)));
  on("lit", (item) => {
    shown.lit = item;
    if (!region.active) repaint();
  });
  on("find", (item) => {
    const found = findBox(place.document, item);
    if (!found) return;
    if (found.page !== place.page) go(place.document, found.page);
    shown.lit = item;
    repaint();
    sheet.reveal(found.box);
  });
  bindKeys();
  fillStrip();
  showPage();
}
