// Pass and fail: refused with reasons that jump to what is open, decided once, and on to the next case at once.

import { Problem, post, show } from "../js/http.js";
import { bind } from "../js/keys.js";
import { toast } from "../js/toast.js";
import { word } from "../js/words.js";
import { data, go, on } from "./case_data.js";
import { showItem } from "./checklist.js";
import * as remark from "./remark.js";
import { settled } from "./saving.js";

const form = document.querySelector("[data-verdicts]");
const reasons = document.querySelector("[data-reasons]");
const stale = document.querySelector("[data-stale]");
const button = (verdict) => form.querySelector(`[name=verdict][value="${verdict}"]`);
let blockers = data.blockers;
let deciding = false;
let chosen = null;

function reasonLine(blocker) {
  const line = document.createElement("li");
  const link = document.createElement("a");
  link.href = `#item-${blocker.item ?? ""}`;
  link.textContent = blocker.text;
  link.addEventListener("click", (event) => {
    event.preventDefault();
    if (blocker.item) showItem(blocker.item);
    else if (blocker.document !== null) go(data.documents.findIndex((each) => each.code === blocker.document));
  });
  line.append(blocker.item || blocker.document !== null ? link : document.createTextNode(blocker.text));
  return line;
}

function explain(verdict) {
  reasons.querySelector("strong").textContent = word(`refused.${verdict}`);
  reasons.querySelector("ul").replaceChildren(...blockers[verdict].map(reasonLine));
  reasons.hidden = false;
  (reasons.querySelector("a") ?? reasons).focus();
}

function paint() {
  for (const verdict of ["passed", "failed"]) {
    const refused = blockers[verdict].length > 0;
    button(verdict).setAttribute("aria-disabled", String(refused || deciding));
    button(verdict).querySelector("[data-open]").textContent = refused ? summary(verdict) : "";
    button(verdict).classList.toggle("chosen", chosen === verdict);
  }
}

/** What stands in the way, on the button itself. */
function summary(verdict) {
  const count = blockers[verdict].reduce((sum, each) => sum + each.count, 0);
  return verdict === "failed" ? word("blocked.no_fault") : word("blocked.short", { count });
}

function judge(answer) {
  blockers = answer.blockers;
  reasons.hidden = true;
  paint();
}

async function choose(verdict) {
  if (deciding) return;
  chosen = verdict;
  deciding = true;
  paint();
  try {
    if (!(await settled())) return;
    if (blockers[verdict].length) explain(verdict);
    else if (!remark.text()) askRemark();
    else await decide(verdict);
  } finally {
    deciding = false;
    paint();
  }
}

function askRemark() {
  remark.focus();
  toast(word("remark.needed"), "today");
}

async function decide(verdict) {
  const json = { verdict, remark: remark.text(), version: data.case.version };
  try {
    const answer = await post(data.urls.decide, { json, quiet: true });
    remark.forget();
    location.assign(answer.next);
    await new Promise(() => {}); // stay decided until the next page is here
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.status === 409) showStale(problem);
    else if (problem.body.blockers) (blockers = problem.body.blockers), explain(verdict);
    else show(problem);
  }
}

function showStale(problem) {
  stale.querySelector("[data-happened]").textContent = problem.body.happened ?? problem.message;
  stale.hidden = false;
  stale.querySelector("a").focus();
}

function commit(event) {
  if (!(event.ctrlKey || event.metaKey) || event.key !== "Enter") return;
  event.preventDefault();
  if (chosen) choose(chosen);
  else event.target.blur();
}

export function start() {
  if (!data.may.mark) return;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.submitter?.dataset.verdict) choose(event.submitter.dataset.verdict);
  });
  document.querySelector("[data-remark]").addEventListener("keydown", commit);
  on("judged", judge);
  on("stale", showStale);
  on("complete", () => button("passed").focus({ preventScroll: true }));
  paint();
  bind({ key: "g", label: word("keys.pass"), run: () => choose("passed") });
  bind({ key: "x", label: word("keys.fail"), run: () => choose("failed") });
}
