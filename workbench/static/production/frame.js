// The frame around a seal on a sheet: drawn over the page, dragged by its inside, edges and corners, drawn anew beside it.
// Its fractions are of the page as shown; the sheet's own are of the page as it is kept.

const SVG = "http://www.w3.org/2000/svg";
const REACH = 9; // screen pixels within which an edge is taken hold of
const SMALLEST = 0.015;
const CURSORS = { n: "ns", s: "ns", e: "ew", w: "ew", ne: "nesw", sw: "nesw", nw: "nwse", se: "nwse" };

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

/** A rectangle of the page as shown, on the page as it is kept. */
function kept({ x0, y0, x1, y1 }, rotation) {
  return {
    0: { x: x0, y: y0, w: x1 - x0, h: y1 - y0 },
    90: { x: y0, y: 1 - x1, w: y1 - y0, h: x1 - x0 },
    180: { x: 1 - x1, y: 1 - y1, w: x1 - x0, h: y1 - y0 },
    270: { x: 1 - y1, y: x0, w: y1 - y0, h: x1 - x0 },
  }[rotation];
}

export class Frame {
  /**
   * @param {import("../js/sheet.js").Sheet} sheet
   * @param {() => void} changed called whenever a person has moved the frame
   */
  constructor(sheet, changed) {
    this.sheet = sheet;
    this.changed = changed;
    this.box = null;
    const stage = sheet.stage;
    stage.addEventListener("pointerdown", (event) => this.#hold(event));
    stage.addEventListener("pointermove", (event) => this.#hint(event));
    stage.addEventListener("scaled", () => this.draw());
  }

  /** Put the frame somewhere; null takes it away. */
  set(box) {
    this.box = box && { x0: box.x0, y0: box.y0, x1: box.x1, y1: box.y1 };
    this.draw();
  }

  /** Bring the frame into view. */
  reveal() {
    if (this.box) this.sheet.reveal(kept(this.box, this.sheet.page.rotation));
  }

  /** Move by fractions of the page as shown; it stops at the page's edges. */
  move(across, down) {
    const { x0, y0, x1, y1 } = this.box;
    const dx = clamp(across, -x0, 1 - x1);
    const dy = clamp(down, -y0, 1 - y1);
    this.#change({ x0: x0 + dx, y0: y0 + dy, x1: x1 + dx, y1: y1 + dy });
  }

  /** Let the frame grow or shrink around its middle. */
  resize(across, down) {
    const { x0, y0, x1, y1 } = this.box;
    const grow = (low, high, by) => {
      const half = Math.max(SMALLEST / 2, (high - low) / 2 + by / 2);
      const middle = (low + high) / 2;
      return [clamp(middle - half, 0, 1), clamp(middle + half, 0, 1)];
    };
    const [left, right] = grow(x0, x1, across);
    const [top, bottom] = grow(y0, y1, down);
    this.#change({ x0: left, y0: top, x1: right, y1: bottom });
  }

  draw() {
    const { overlay, page } = this.sheet;
    if (!page) return;
    overlay.replaceChildren();
    if (!this.box) return;
    const { x, y, w, h } = kept(this.box, page.rotation);
    const [left, top, width, height] = [x * page.width, y * page.height, w * page.width, h * page.height];
    const shade = document.createElementNS(SVG, "path");
    shade.setAttribute("class", "frame-shade");
    shade.setAttribute(
      "d",
      `M0 0H${page.width}V${page.height}H0ZM${left} ${top}v${height}h${width}v${-height}Z`,
    );
    const size = 16 / this.sheet.factor; // page pixels; a sheet at 100 % shows two of them as one
    overlay.append(shade, this.#rectangle("frame-edge", left, top, width, height));
    for (const [u, v] of [[0, 0], [0.5, 0], [1, 0], [0, 0.5], [1, 0.5], [0, 1], [0.5, 1], [1, 1]]) {
      overlay.append(this.#rectangle("frame-grip", left + u * width - size / 2, top + v * height - size / 2, size, size));
    }
  }

  #rectangle(kind, x, y, width, height) {
    const shape = document.createElementNS(SVG, "rect");
    shape.setAttribute("class", kind);
    for (const [name, value] of Object.entries({ x, y, width, height })) shape.setAttribute(name, String(value));
    return shape;
  }

  #change(box) {
    this.set(box);
    this.changed();
  }

  /** Where a point of the screen lies on the page as shown, as fractions. */
  #at(event) {
    const around = this.sheet.box.getBoundingClientRect();
    return [
      clamp((event.clientX - around.left) / around.width, 0, 1),
      clamp((event.clientY - around.top) / around.height, 0, 1),
    ];
  }

  /** What a point takes hold of: a direction, "inside", or "" for nothing. */
  #grip(event) {
    if (!this.box) return "";
    const around = this.sheet.box.getBoundingClientRect();
    const [x, y] = [event.clientX - around.left, event.clientY - around.top];
    const [left, right] = [this.box.x0 * around.width, this.box.x1 * around.width];
    const [top, bottom] = [this.box.y0 * around.height, this.box.y1 * around.height];
    if (x < left - REACH || x > right + REACH || y < top - REACH || y > bottom + REACH) return "";
    const vertical = Math.abs(y - top) <= REACH ? "n" : Math.abs(y - bottom) <= REACH ? "s" : "";
    const horizontal = Math.abs(x - left) <= REACH ? "w" : Math.abs(x - right) <= REACH ? "e" : "";
    return vertical + horizontal || "inside";
  }

  #hint(event) {
    if (event.buttons) return;
    const grip = this.#grip(event);
    this.sheet.stage.style.cursor = grip === "inside" ? "move" : grip ? `${CURSORS[grip]}-resize` : "";
  }

  #hold(event) {
    if (event.button !== 0 || !this.sheet.page || event.target === this.sheet.stage) return;
    event.preventDefault();
    const stage = this.sheet.stage;
    stage.focus({ preventScroll: true });
    stage.setPointerCapture(event.pointerId);
    const grip = this.#grip(event);
    const from = this.#at(event);
    const before = this.box;
    const drag = (each) => this.#drag(grip, before, from, this.#at(each));
    const end = () => {
      stage.removeEventListener("pointermove", drag);
      stage.removeEventListener("pointerup", end);
      stage.removeEventListener("pointercancel", end);
    };
    stage.addEventListener("pointermove", drag);
    stage.addEventListener("pointerup", end);
    stage.addEventListener("pointercancel", end);
  }

  #drag(grip, before, [u0, v0], [u, v]) {
    if (grip === "inside") {
      this.box = before;
      return this.move(u - u0, v - v0);
    }
    const box = grip ? { ...before } : { x0: Math.min(u0, u), y0: Math.min(v0, v), x1: Math.max(u0, u), y1: Math.max(v0, v) };
    if (!grip && (box.x1 - box.x0 < SMALLEST || box.y1 - box.y0 < SMALLEST)) return undefined;
    if (grip.includes("w")) box.x0 = clamp(u, 0, box.x1 - SMALLEST);
    if (grip.includes("e")) box.x1 = clamp(u, box.x0 + SMALLEST, 1);
    if (grip.includes("n")) box.y0 = clamp(v, 0, box.y1 - SMALLEST);
    if (grip.includes("s")) box.y1 = clamp(v, box.y0 + SMALLEST, 1);
    return this.#change(box);
  }
}
