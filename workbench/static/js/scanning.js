// One field for the scanner. It keeps the focus, Enter ends a scan, scans are sent one after the other in their order, and
// each answer is a colour, a word and a sound. A scan that meets a broken line waits for it: what it asks for must be
// harmless when asked twice.

import { countAgain } from "./counts.js";
import { post } from "./http.js";
import { bound } from "./keys.js";
import { word } from "./words.js";

const SILENT = "scanning.silent";
const RETRY_MS = 2000;
/** Tones by what a scan came to: frequency in Hz, start and length in seconds. Low means: look up. */
const SOUNDS = {
  ok: [[880, 0, 0.09]],
  repeat: [[620, 0, 0.07], [620, 0.11, 0.07]],
  done: [[660, 0, 0.1], [880, 0.11, 0.1], [1100, 0.22, 0.16]],
  refused: [[190, 0, 0.2], [150, 0.24, 0.34]],
};
let audio = null;

/** Whether this browser has been told to keep quiet. */
export function isSilent() {
  return localStorage.getItem(SILENT) === "yes";
}

/** Keep quiet from now on, or not. */
export function setSilent(silent) {
  localStorage.setItem(SILENT, silent ? "yes" : "no");
}

/** Sound a tone: ok, repeat, done or refused. A browser that allows none stays silent. */
export function sound(tone) {
  if (isSilent() || !SOUNDS[tone] || !window.AudioContext) return;
  audio ??= new AudioContext();
  audio.resume().catch(() => {});
  for (const [frequency, start, length] of SOUNDS[tone]) {
    const from = audio.currentTime + start;
    const oscillator = new OscillatorNode(audio, { frequency, type: tone === "refused" ? "square" : "sine" });
    const gain = new GainNode(audio, { gain: 0 });
    gain.gain.setValueAtTime(0, from);
    gain.gain.linearRampToValueAtTime(0.25, from + 0.008);
    gain.gain.linearRampToValueAtTime(0, from + length);
    oscillator.connect(gain).connect(audio.destination);
    oscillator.start(from);
    oscillator.stop(from + length);
  }
}

/** What was scanned or typed: a Chinese input method may have made wide characters of it. */
export function scannedText(text) {
  return text.normalize("NFKC").trim();
}

/**
 * The scanner's field of a page.
 *
 * The form holds the field `[data-scan]`. The page may hold, anywhere: `[data-scan-result]` with `[data-scan-word]` and
 * `[data-scan-detail]`, where the last answer stands in colour; `[data-scan-waiting]`, how many scans are on their way; and
 * `[data-scan-sound]`, a checkbox in a `[data-scan-sound-offer]`. Without this script the form is sent as it is.
 */
export class Scanner {
  #queue = [];
  #sending = false;

  /**
   * @param {HTMLFormElement} form
   * @param {{send?: (text: string) => Promise<{tone: string, word?: string, detail?: string}>,
   *          show?: (outcome: object, text: string) => void, idle?: () => void}} handlers
   *   `send` asks the server and answers with what the scan came to, by itself by posting the field where its form
   *   goes; a Problem it throws is a refusal, unless the server
   *   could not be reached. `show` brings the rest of the page up to date; `idle` hears that no scan is on its way.
   */
  constructor(form, { send, show = () => {}, idle = () => {} } = {}) {
    this.form = form;
    this.field = form.querySelector("[data-scan]");
    this.send = send ?? ((text) => post(form.action, { form: new URLSearchParams({ [this.field.name]: text }), quiet: true }));
    this.show = show;
    this.idle = idle;
    this.result = document.querySelector("[data-scan-result]");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.take(this.field.value);
    });
    this.#keepFocus();
    this.#bindKeys();
    this.#offerSilence();
    addEventListener("beforeunload", (event) => {
      if (this.busy) event.preventDefault();
    });
  }

  /** Whether scans are still on their way. */
  get busy() {
    return this.#sending || this.#queue.length > 0;
  }

  /** Take a scan as if it had been typed. */
  take(raw) {
    const text = scannedText(raw);
    this.field.value = "";
    this.field.focus();
    if (!text) return;
    // What was refused before this scan is of the past; it must not be taken for the answer to it.
    for (const stale of document.querySelectorAll("[data-flashes] .late")) stale.remove();
    this.#queue.push(text);
    this.#tellWaiting();
    this.#pump();
  }

  /** Show an answer in colour, word and sound: tone is ok, repeat, done, refused or waiting. */
  say({ tone, word: heading, detail = "" }) {
    sound(tone);
    if (!this.result) return;
    this.result.dataset.tone = tone;
    this.result.querySelector("[data-scan-word]").textContent = heading ?? word(`scan.${tone}`);
    this.result.querySelector("[data-scan-detail]").textContent = detail;
    // The same answer twice in a row must be seen to be a new one.
    this.result.classList.remove("is-new");
    requestAnimationFrame(() => this.result.classList.add("is-new"));
  }

  async #pump() {
    if (this.#sending) return;
    this.#sending = true;
    while (this.#queue.length) {
      const outcome = await this.#ask(this.#queue[0]);
      if (!outcome) {
        this.say({ tone: "waiting", detail: word("scan.no-line") });
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        continue;
      }
      const text = this.#queue.shift();
      this.say(outcome);
      this.show(outcome, text);
      this.#tellWaiting();
    }
    this.#sending = false;
    this.idle();
    countAgain();
  }

  async #ask(text) {
    try {
      return await this.send(text);
    } catch (problem) {
      if (problem.status === undefined) throw problem;
      if (problem.status === 0) return null;
      return { tone: "refused", word: text, detail: problem.message, problem };
    }
  }

  #tellWaiting() {
    const place = document.querySelector("[data-scan-waiting]");
    if (place) place.textContent = this.#queue.length > 1 ? word("scan.waiting-count", { count: this.#queue.length }) : "";
  }

  // A scanner types wherever the focus is; its characters belong here unless somebody writes in another field.
  #keepFocus() {
    this.field.focus();
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || event.key.length !== 1 || event.key === " ") return;
      if (document.querySelector("dialog[open]")) return;
      if (event.target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]")) return;
      this.field.focus();
    }, true);
    document.addEventListener("click", (event) => {
      if (event.target.closest("input, textarea, select, label, summary, dialog")) return;
      if (!getSelection()?.toString()) this.field.focus();
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.field.focus();
    });
  }

  // Function keys work while the field has the focus, which it always has; letters belong to the scanner.
  #bindKeys() {
    this.field.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || !/^F\d+$/.test(event.key)) return;
      const binding = bound().find((each) => each.key === event.key && (!each.when || each.when()));
      if (!binding) return;
      event.preventDefault();
      binding.run(event);
    });
  }

  #offerSilence() {
    const box = document.querySelector("[data-scan-sound]");
    if (!box) return;
    box.closest("[data-scan-sound-offer]").hidden = false;
    box.checked = !isSilent();
    box.addEventListener("change", () => {
      setSilent(!box.checked);
      sound("ok");
      this.field.focus();
    });
  }
}
