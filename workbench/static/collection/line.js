// The banner of the counter's pages: whether the line is down, which captures wait for it, and the sending of them, one
// after the other, until each is acknowledged. Somebody else's captures wait for their own sign-in.

import { confirmed } from "../js/dialogs.js";
import { post } from "../js/http.js";
import { toast } from "../js/toast.js";
import { word } from "../js/words.js";
import { drop, keep, kept, refuse } from "./outbox.js";

const RETRY_MS = 3000;
const banner = document.querySelector("[data-line]");
const staff = banner.dataset.staff;
const TOO_LARGE = 413;
let down = !navigator.onLine;
let signIn = false;
let flushing = null;

/** Keep an attempt and send it; resolves to the server's answer, or to null while it waits for the line. */
export async function deliver(capture) {
  await keep({ ...capture, staff });
  return (await flush()).get(capture.id) ?? null;
}

/** Why an attempt was refused, or "". */
export async function refusalOf(id) {
  return (await kept()).find((each) => each.id === id)?.refused ?? "";
}

/** Send what waits; resolves to the answers by id. */
export function flush() {
  flushing ??= alone(send).finally(() => {
    flushing = null;
  });
  return flushing;
}

// Two pages of one browser would both send: harmless, but pointless.
function alone(run) {
  return navigator.locks ? navigator.locks.request("workbench.counter", run) : run();
}

async function send() {
  const answers = new Map();
  for (const capture of (await kept()).filter((each) => each.staff === staff && !each.refused)) {
    const form = new FormData();
    for (const [name, value] of capture.fields) form.append(name, value);
    try {
      answers.set(capture.id, await post(capture.url, { form, quiet: true }));
      down = signIn = false;
      await drop(capture.id);
    } catch (problem) {
      if (problem.status === undefined) throw problem;
      down = problem.status === 0 || problem.status >= 500;
      // A page that was open too long, or a sign-in that ended, is no refusal of what was captured.
      signIn = !down && !problem.body.refused && problem.status !== TOO_LARGE;
      if (down || signIn) break;
      await refuse(capture, problem.message);
    }
  }
  await show();
  return answers;
}

async function show() {
  const waiting = await kept();
  banner.hidden = !down && waiting.length === 0;
  banner.dataset.tone = down ? "down" : "kept";
  banner.querySelector("[data-line-word]").textContent = word(down ? "line.down" : "line.kept");
  banner.querySelector("[data-line-kept]").replaceChildren(...waiting.map(line));
}

function line(capture) {
  const row = document.querySelector("#kept-capture").content.firstElementChild.cloneNode(true);
  row.dataset.id = capture.id;
  row.querySelector("[data-number]").textContent = capture.number;
  row.querySelector("[data-name]").textContent = capture.name;
  row.querySelector("[data-why]").textContent = why(capture);
  const button = row.querySelector("[data-drop]");
  button.hidden = !capture.refused || capture.staff !== staff;
  button.addEventListener("click", async () => {
    if (!(await confirmed(word("line.discard", { number: capture.number })))) return;
    await drop(capture.id);
    await show();
  });
  return row;
}

function why(capture) {
  if (capture.staff !== staff) return word("line.other");
  if (capture.refused) return word("line.refused", { why: capture.refused });
  return word(signIn ? "line.sign-in" : "line.waiting");
}

async function flushAndTell() {
  const before = new Map((await kept()).map((each) => [each.id, each]));
  const answers = await flush();
  for (const [id, answer] of answers) {
    toast(word("line.sent", { number: before.get(id)?.number ?? "", word: answer.word }), "done");
    dispatchEvent(new CustomEvent("counter:sent", { detail: { id, answer } }));
  }
}

addEventListener("online", () => {
  down = false;
  flushAndTell();
});
addEventListener("offline", () => {
  down = true;
  show();
});
setInterval(async () => {
  if ((await kept()).some((each) => each.staff === staff && !each.refused)) flushAndTell();
}, RETRY_MS);
flushAndTell();
