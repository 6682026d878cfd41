// The second look: every key is scanned again and held against the packing list here; the server compares once more.

import { ask } from "../js/http.js";
import { bind } from "../js/keys.js";
import { Scanner } from "../js/scanning.js";
import { word } from "../js/words.js";

const page = document.querySelector("[data-checking]");
const compare = document.querySelector("[data-compare]");
const listed = [...document.querySelectorAll("[data-expected] > li")];
const expected = new Map(listed.map((line) => [line.dataset.serial, line]));
const list = document.querySelector("[data-scanned]");
const differences = document.querySelector("[data-differences]");
const refused = document.querySelector("[data-refused]");
const plain = compare.elements.serials;
// Another version is another packing list: what was scanned for the old one counts for nothing.
const memory = `checking.${page.dataset.consignment}.${page.dataset.version}`;
const scanned = new Set(JSON.parse(sessionStorage.getItem(memory) ?? "[]"));

function enterpriseOf(serial) {
  return expected.get(serial)?.querySelector("[data-enterprise]").textContent ?? "";
}

function countFound() {
  return [...scanned].filter((serial) => expected.has(serial)).length;
}

function keep() {
  sessionStorage.setItem(memory, JSON.stringify([...scanned]));
  plain.value = [...scanned].join("\n");
  document.querySelector("[data-scanned-count]").textContent = scanned.size;
  document.querySelector("[data-scan-done]").textContent = countFound();
}

function mark(serial) {
  const line = expected.get(serial);
  if (line) {
    line.classList.add("is-found");
    line.querySelector(".key-mark").hidden = false;
  }
  const entry = document.createElement("li");
  entry.dataset.serial = serial;
  entry.className = line ? "" : "is-unfit";
  const code = Object.assign(document.createElement("span"), { className: "serial", textContent: serial });
  const name = Object.assign(document.createElement("span"), { className: "quiet", textContent: enterpriseOf(serial) });
  const what = Object.assign(document.createElement("span"), { className: "key-what" });
  what.append(code, name);
  entry.append(what);
  list.prepend(entry);
}

function name(serial, why) {
  const line = document.createElement("li");
  line.dataset.serial = serial;
  line.textContent = `${serial} · ${why}`;
  refused.prepend(line);
  differences.hidden = false;
}

async function send(serial) {
  const what = `${serial} ${enterpriseOf(serial)}`;
  if (scanned.has(serial)) return { tone: "repeat", word: word("checking.again"), detail: what };
  if (!expected.has(serial)) {
    const { detail } = await ask(`${page.dataset.why}?serial=${encodeURIComponent(serial)}`, { quiet: true });
    return { tone: "refused", word: word("checking.not-listed"), detail, extra: true };
  }
  const box = expected.get(serial).querySelector(".key-box").textContent;
  const last = countFound() === expected.size - 1;
  const heading = last ? word("checking.complete") : word("checking.in-box", { box });
  return { tone: last ? "done" : "ok", word: heading, detail: last ? `${what} ${word("checking.confirm")}` : what };
}

function show(answer, serial) {
  if (answer.tone === "repeat" || answer.problem) return;
  scanned.add(serial);
  mark(serial);
  if (answer.extra) name(serial, answer.detail);
  keep();
}

document.querySelector("[data-scripted]").hidden = false;
document.querySelector("[data-plain]").hidden = true;
const scanner = new Scanner(document.querySelector("[data-scan-form]"), { send, show });
scanned.forEach(mark);
keep();

document.querySelector("[data-again]").addEventListener("click", () => {
  sessionStorage.removeItem(memory);
  location.assign(compare.action);
});
compare.addEventListener("submit", () => {
  if (!scanner.busy) sessionStorage.removeItem(memory);
});
bind({ key: "F8", label: word("checking.compare"), run: () => compare.requestSubmit() });
