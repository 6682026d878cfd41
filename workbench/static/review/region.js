// Marks a place on the page for a check item: by dragging, or with the arrow keys, Shift to resize, Enter to accept.

import { drawChoice } from "./overlay.js";

const STEP = 0.02;
const SMALLEST = 0.01;

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

export class RegionTool {
  /** @param {import("../js/sheet.js").Sheet} sheet @param {HTMLElement} hint shown while a region is being chosen */
  constructor(sheet, hint) {
    this.sheet = sheet;
    this.hint = hint;
    this.accept = null;
    sheet.stage.addEventListener("pointerdown", (event) => this.#drag(event));
    document.addEventListener("keydown", (event) => this.#key(event), true);
  }

  get active() {
    return this.accept !== null;
  }

  /** Ask for a region; `accept` gets it. Asking again gives up. */
  ask(start, accept) {
    if (this.active) return this.stop();
    this.accept = accept;
    this.choice = start ?? { x: 0.35, y: 0.4, w: 0.3, h: 0.12 };
    this.sheet.stage.classList.add("drawing");
    this.hint.hidden = false;
    this.sheet.stage.focus({ preventScroll: true });
    drawChoice(this.sheet, this.choice);
    this.sheet.reveal(this.choice);
  }

  stop() {
    this.accept = null;
    this.sheet.stage.classList.remove("drawing");
    this.hint.hidden = true;
    drawChoice(this.sheet, null);
  }

  #take() {
    const { accept, choice } = this;
    this.stop();
    accept({ page_id: this.sheet.page.id, ...choice });
  }

  #drag(event) {
    if (!this.active || event.button !== 0) return;
    event.preventDefault();
    const stage = this.sheet.stage;
    const [x0, y0] = this.sheet.toPage(event.clientX, event.clientY);
    stage.setPointerCapture(event.pointerId);
    const move = (each) => {
      const [x1, y1] = this.sheet.toPage(each.clientX, each.clientY);
      this.choice = { x: Math.min(x0, x1), y: Math.min(y0, y1), w: Math.abs(x1 - x0), h: Math.abs(y1 - y0) };
      drawChoice(this.sheet, this.choice);
    };
    stage.addEventListener("pointermove", move);
    stage.addEventListener(
      "pointerup",
      (each) => {
        stage.removeEventListener("pointermove", move);
        if (!this.active) return;
        move(each);
        if (this.choice.w >= SMALLEST && this.choice.h >= SMALLEST) this.#take();
      },
      { once: true },
    );
  }

  #key(event) {
    if (!this.active || event.ctrlKey || event.altKey || event.metaKey) return;
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key in moves) {
      const [across, down] = this.#turned(moves[event.key]);
      const { x, y, w, h } = this.choice;
      this.choice = event.shiftKey
        ? { x, y, w: clamp(w + across * STEP, SMALLEST, 1 - x), h: clamp(h + down * STEP, SMALLEST, 1 - y) }
        : { x: clamp(x + across * STEP, 0, 1 - w), y: clamp(y + down * STEP, 0, 1 - h), w, h };
      drawChoice(this.sheet, this.choice);
      this.sheet.reveal(this.choice);
    } else if (event.key === "Enter") this.#take();
    else if (event.key === "Escape" || event.key.toLowerCase() === "m") this.stop();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** What an arrow of the screen means on a page that has been turned. */
  #turned([across, down]) {
    return { 0: [across, down], 90: [down, -across], 180: [-across, -down], 270: [-down, across] }[this.sheet.page.rotation];
  }
}
