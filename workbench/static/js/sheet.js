// One page on a scrolling stage: its size is known before its picture, it zooms, turns and pans, and carries an overlay.

const NATURAL = 2; // image pixels for one CSS pixel at 100 %
const SHARPER_BEYOND = 1.5;
const LARGEST_FIT = 1.2;
const SVG = "http://www.w3.org/2000/svg";

export class Sheet {
  /** @param {HTMLElement} stage the scrolling element; it is filled here */
  constructor(stage) {
    this.stage = stage;
    this.page = null;
    this.fit = "width";
    this.factor = 1;
    this.box = document.createElement("div");
    this.box.className = "paper-box";
    this.paper = document.createElement("div");
    this.paper.className = "paper";
    this.blurred = Object.assign(document.createElement("img"), { className: "paper-thumb", alt: "", draggable: false });
    this.picture = Object.assign(document.createElement("img"), { className: "paper-page", draggable: false, decoding: "async" });
    this.picture.fetchPriority = "high";
    this.overlay = document.createElementNS(SVG, "svg");
    this.overlay.classList.add("paper-overlay");
    this.overlay.setAttribute("aria-hidden", "true");
    this.paper.append(this.blurred, this.picture, this.overlay);
    this.box.append(this.paper);
    stage.replaceChildren(this.box);
    new ResizeObserver(() => this.layout()).observe(stage);
    this.#pan();
  }

  /** Show a page; resolves to whether its picture is there and the page still in view. */
  async show(page, label) {
    const same = this.page?.id === page.id;
    this.page = page;
    this.sharp = false;
    this.overlay.setAttribute("viewBox", `0 0 ${page.width} ${page.height}`);
    this.blurred.src = page.thumbnail;
    this.picture.alt = label;
    this.picture.classList.remove("there");
    this.picture.src = page.image;
    this.layout();
    if (!same) this.stage.scrollTo(0, 0);
    this.broken = false;
    const seen = await this.picture.decode().then(() => true, () => false);
    if (this.page !== page) return false;
    this.broken = !seen;
    if (!seen) return false;
    this.picture.classList.add("there");
    this.#sharpen();
    return true;
  }

  /** Turn the page to `degrees`, clockwise. */
  turn(degrees) {
    this.page.rotation = degrees;
    this.layout();
  }

  /** Scale by hand, around the middle of what is visible. */
  zoom(by) {
    this.fit = null;
    this.#scale(Math.max(0.25, Math.min(4, this.factor * by)));
  }

  /** Fit the width or the whole page. */
  fitTo(what) {
    this.fit = what;
    this.layout();
    if (what === "page") this.stage.scrollTo(0, 0);
  }

  layout() {
    if (!this.page) return;
    const turned = this.page.rotation % 180 !== 0;
    const [width, height] = [this.page.width / NATURAL, this.page.height / NATURAL];
    const [across, down] = turned ? [height, width] : [width, height];
    const [room, tall] = [this.stage.clientWidth - 24, this.stage.clientHeight - 24];
    if (this.fit === "width") this.factor = Math.min(room / across, LARGEST_FIT);
    if (this.fit === "page") this.factor = Math.min(room / across, tall / down, LARGEST_FIT);
    this.factor = Math.max(0.1, this.factor);
    Object.assign(this.box.style, { width: `${across * this.factor}px`, height: `${down * this.factor}px` });
    Object.assign(this.paper.style, {
      width: `${width * this.factor}px`,
      height: `${height * this.factor}px`,
      transform: `translate(-50%, -50%) rotate(${this.page.rotation}deg)`,
    });
    this.#sharpen();
    this.stage.dispatchEvent(new CustomEvent("scaled", { detail: this.factor }));
  }

  /** Where a point of the screen lies on the unturned page, as fractions. */
  toPage(clientX, clientY) {
    const frame = this.box.getBoundingClientRect();
    const within = (value) => Math.max(0, Math.min(1, value));
    const u = within((clientX - frame.left) / frame.width);
    const v = within((clientY - frame.top) / frame.height);
    return { 0: [u, v], 90: [v, 1 - u], 180: [1 - u, 1 - v], 270: [1 - v, u] }[this.page.rotation];
  }

  /** Scroll so that a region (fractions of the unturned page) is in the middle. */
  reveal({ x, y, w, h }) {
    const [cx, cy] = [x + w / 2, y + h / 2];
    const [u, v] = { 0: [cx, cy], 90: [1 - cy, cx], 180: [1 - cx, 1 - cy], 270: [cy, 1 - cx] }[this.page.rotation];
    this.stage.scrollTo(
      this.box.offsetLeft + u * this.box.offsetWidth - this.stage.clientWidth / 2,
      this.box.offsetTop + v * this.box.offsetHeight - this.stage.clientHeight / 2,
    );
  }

  #scale(factor) {
    const stage = this.stage;
    const u = (stage.scrollLeft + stage.clientWidth / 2) / stage.scrollWidth;
    const v = (stage.scrollTop + stage.clientHeight / 2) / stage.scrollHeight;
    this.factor = factor;
    this.layout();
    stage.scrollTo(u * stage.scrollWidth - stage.clientWidth / 2, v * stage.scrollHeight - stage.clientHeight / 2);
  }

  async #sharpen() {
    if (this.sharp || this.factor <= SHARPER_BEYOND || !this.picture.classList.contains("there")) return;
    this.sharp = true;
    const page = this.page;
    const finer = new Image();
    finer.src = page.zoom;
    try {
      await finer.decode();
    } catch {
      return;
    }
    if (this.page === page) this.picture.src = page.zoom;
  }

  #pan() {
    let from = null;
    this.stage.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || this.stage.classList.contains("drawing") || event.target === this.stage) return;
      from = { x: event.clientX, y: event.clientY, left: this.stage.scrollLeft, top: this.stage.scrollTop };
      this.stage.setPointerCapture(event.pointerId);
      this.stage.classList.add("panning");
    });
    this.stage.addEventListener("pointermove", (event) => {
      if (from) this.stage.scrollTo(from.left - event.clientX + from.x, from.top - event.clientY + from.y);
    });
    const end = () => {
      from = null;
      this.stage.classList.remove("panning");
    };
    this.stage.addEventListener("pointerup", end);
    this.stage.addEventListener("pointercancel", end);
    this.stage.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey || !this.page) return;
        event.preventDefault();
        this.zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15);
      },
      { passive: false },
    );
  }
}
