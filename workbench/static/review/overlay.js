// Draws on a page: boxes where the product found a form value, and the regions a desk marked.

import { data } from "./case_data.js";
import { word } from "../js/words.js";

const SVG = "http://www.w3.org/2000/svg";

function rectangle(page, { x, y, w, h }, kind, title) {
  const group = document.createElementNS(SVG, "g");
  group.setAttribute("class", kind);
  const shape = document.createElementNS(SVG, "rect");
  const sizes = { x: x * page.width, y: y * page.height, width: w * page.width, height: h * page.height };
  for (const [name, value] of Object.entries(sizes)) shape.setAttribute(name, String(value));
  const said = document.createElementNS(SVG, "title");
  said.textContent = title;
  group.append(shape, said);
  return group;
}

function numbered(page, region, number, kind) {
  const group = rectangle(page, region, `region ${kind}`, word("region.of", { number }));
  const label = document.createElementNS(SVG, "text");
  label.setAttribute("x", String(region.x * page.width + 8));
  label.setAttribute("y", String(region.y * page.height + 44));
  label.textContent = String(number);
  group.append(label);
  return group;
}

/** Draw what is known of the sheet's page. `marks` is item id → mark; `lit` is the item whose value stands out. */
export function draw(sheet, items, marks, { boxes, lit }) {
  const page = sheet.page;
  if (!page) return;
  const parts = boxes
    ? (page.boxes ?? []).map((box) => rectangle(page, box, box.item === lit ? "found lit" : "found", word("box.found")))
    : [];
  for (const [index, item] of items.entries()) {
    const mark = marks[item];
    if (mark?.region?.page_id === page.id) parts.push(numbered(page, mark.region, index + 1, mark.value ?? "open"));
  }
  sheet.overlay.replaceChildren(...parts);
}

/** Draw a region that is being chosen. */
export function drawChoice(sheet, region) {
  sheet.overlay.querySelector(".choice")?.remove();
  if (region) sheet.overlay.append(rectangle(sheet.page, region, "choice", ""));
}

/** The first place in a document where the form value of an item was found. */
export function findBox(documentIndex, item) {
  for (const [page, each] of data.documents[documentIndex].pages.entries()) {
    const box = (each.boxes ?? []).find((candidate) => candidate.item === item);
    if (box) return { page, box };
  }
  return undefined;
}
