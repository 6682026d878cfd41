// Printing without leaving the page: a PDF is asked for by POST, put into a hidden frame and handed to the printer.

import { Problem, show } from "../js/http.js";

const KEPT_MS = 60000;

/** Prints what forms ask for, one after the other. */
export class Printer {
  #frame;
  #queue = Promise.resolve();

  /** @param {HTMLIFrameElement} frame where a PDF stands while it is printed. */
  constructor(frame) {
    this.#frame = frame;
  }

  /**
   * Print what a form is answered with.
   * @returns {Promise<boolean>} whether the browser took it; false when it refuses to print by script.
   */
  print(action, form) {
    const done = this.#queue.then(() => this.#fetch(action, form)).then((blob) => (blob ? this.#hand(blob) : true));
    this.#queue = done.catch(() => {});
    return done;
  }

  async #fetch(action, form) {
    const answer = await fetch(action, { method: "POST", body: form, headers: { Accept: "application/json" } }).catch(() => null);
    if (answer?.headers.get("Content-Type") === "application/pdf") return answer.blob();
    const isJson = answer?.headers.get("Content-Type")?.includes("json");
    show(new Problem(answer?.status ?? 0, isJson ? await answer.json() : {}));
    return null;
  }

  #hand(blob) {
    const address = URL.createObjectURL(blob);
    // What is printed may hold a secret: nothing keeps it longer than a slow dialog takes.
    setTimeout(() => {
      URL.revokeObjectURL(address);
      if (this.#frame.src === address) this.#frame.src = "about:blank";
    }, KEPT_MS);
    return new Promise((resolve) => {
      this.#frame.onload = () => {
        try {
          this.#frame.contentWindow.focus();
          this.#frame.contentWindow.print();
          resolve(true);
        } catch {
          resolve(false);
        }
      };
      this.#frame.src = address;
    });
  }
}
