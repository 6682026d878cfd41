// A signature on a canvas by pen, finger or mouse: smooth lines, nothing kept but the picture.

const WIDTH = 3;

/** A pad on `[data-pad]`; calls `changed` whenever something was drawn or wiped. */
export class Pad {
  #strokes = 0;
  #last = null;

  constructor(pad, changed) {
    this.canvas = pad.querySelector("[data-canvas]");
    this.changed = changed;
    pad.hidden = false;
    this.canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.#draw(event));
    for (const end of ["pointerup", "pointercancel"]) this.canvas.addEventListener(end, () => (this.#last = null));
    pad.querySelector("[data-clear]").addEventListener("click", () => this.clear());
    new ResizeObserver(() => this.#fit()).observe(this.canvas);
  }

  /** Whether nothing has been drawn. */
  get empty() {
    return this.#strokes < 2;
  }

  /** Wipe the pad. */
  clear() {
    this.#strokes = 0;
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.changed();
  }

  /** The picture as a PNG. */
  picture() {
    return new Promise((resolve) => this.canvas.toBlob(resolve, "image/png"));
  }

  // A pad that grows or shrinks begins anew: a stretched signature is nobody's. One that is folded away keeps its own.
  #fit() {
    const { width, height } = this.canvas.getBoundingClientRect();
    if (!width) return;
    const scale = Math.min(devicePixelRatio || 1, 2);
    const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
    if (this.canvas.width === wide && this.canvas.height === high) return;
    this.canvas.width = wide;
    this.canvas.height = high;
    this.clear();
  }

  #at(event) {
    const box = this.canvas.getBoundingClientRect();
    const scale = this.canvas.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  #begin(event) {
    if (event.button > 0) return;
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.#last = this.#at(event);
  }

  #draw(event) {
    if (!this.#last) return;
    const context = this.canvas.getContext("2d");
    context.lineWidth = WIDTH * (event.pointerType === "pen" && event.pressure ? 0.5 + event.pressure : 1);
    context.lineCap = context.lineJoin = "round";
    for (const each of event.getCoalescedEvents?.() ?? [event]) {
      const [x, y] = this.#at(each);
      context.beginPath();
      context.moveTo(...this.#last);
      context.lineTo(x, y);
      context.stroke();
      this.#last = [x, y];
      this.#strokes += 1;
    }
    this.changed();
  }
}
