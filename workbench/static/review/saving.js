// Sends marks as they are made, one request at a time. Without a line it tries again; a refusal gives the old mark back.

import { show, post } from "../js/http.js";
import { data, tell } from "./case_data.js";

const saved = structuredClone(data.marks);
const pending = new Map();
let running = null;
let failures = 0;

/** Remember a mark to be sent; a newer one of the same item replaces it. */
export function save(item, mark) {
  pending.set(item, structuredClone(mark));
  running ??= send();
}

/** Resolves when everything is on the server; false when it refused. */
export async function settled() {
  return running ? running : true;
}

async function send() {
  let fine = true;
  while (pending.size && fine) {
    const batch = new Map(pending);
    tell("saving", failures ? "retrying" : "saving");
    try {
      const marks = [...batch].map(([item, mark]) => ({ item, ...mark }));
      const answer = await post(data.urls.marks, { json: { marks, version: data.case.version }, quiet: true });
      failures = 0;
      for (const [item, mark] of batch) {
        saved[item] = mark;
        if (sameMark(pending.get(item), mark)) pending.delete(item);
      }
      tell("judged", answer);
    } catch (problem) {
      fine = problem.status === 0 ? await patience() : refuse(problem, batch);
    }
  }
  running = null;
  tell("saving", fine ? "saved" : "refused");
  return fine;
}

async function patience() {
  failures += 1;
  tell("saving", "retrying");
  const seconds = Math.min(15, 2 ** (failures - 1));
  await new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    window.addEventListener("online", () => (clearTimeout(timer), resolve()), { once: true });
  });
  return true;
}

function refuse(problem, batch) {
  for (const item of batch.keys()) {
    pending.delete(item);
    data.marks[item] = structuredClone(saved[item] ?? { value: null, note: "", region: null });
    tell("restored", item);
  }
  if (problem.status === 409) tell("stale", problem);
  else show(problem);
  return false;
}

const sameMark = (one, other) => JSON.stringify(one) === JSON.stringify(other);

window.addEventListener("beforeunload", (event) => {
  if (pending.size && failures) event.preventDefault();
});
