// The application form at the counter: files are examined as soon as they are chosen, the credit code as it is typed.
// Without this script the same form posts everything at once.

import { word } from "./words.js";

const MEGABYTE = 1024 * 1024;
const ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY";
const form = document.querySelector("[data-entry]");
const limitBytes = Number(form.dataset.limitBytes);
const limitFiles = Number(form.dataset.limitFiles);
let pending = 0;

function tellPending() {
  form.querySelector("[data-pending]").textContent = pending ? word("entry.pending", { count: pending }) : "";
}

function complain(slot, sentence) {
  const line = document.querySelector("#slot-problem").content.firstElementChild.cloneNode(true);
  line.querySelector("span").textContent = sentence;
  slot.querySelector("[data-problems]").append(line);
  slot.classList.add("has-problem");
}

function newLine(slot, file) {
  const line = document.querySelector("#draft-line").content.firstElementChild.cloneNode(true);
  line.querySelector(".slot-name").textContent = file.name;
  line.querySelector("[name=draft]").disabled = true;
  slot.querySelector("[data-files]").append(line);
  return line;
}

function finish(line, answer) {
  line.querySelector("progress").remove();
  line.querySelector("img").src = answer.thumbnail;
  line.querySelector(".slot-name").textContent = answer.name;
  const reference = line.querySelector("[name=draft]");
  reference.value = answer.reference;
  reference.disabled = false;
  line.querySelector("[data-details]").textContent = word("entry.pages", {
    size: (answer.size / MEGABYTE).toFixed(1),
    pages: answer.pages,
  });
}

// XMLHttpRequest, because fetch does not tell how much of an upload has left.
function send(slot, file) {
  const line = newLine(slot, file);
  const body = new FormData();
  body.append("service", form.dataset.service);
  body.append("slot", slot.dataset.slot);
  body.append("file", file, file.name);
  const request = new XMLHttpRequest();
  request.open("POST", form.dataset.upload);
  request.setRequestHeader("Accept", "application/json");
  request.setRequestHeader("X-CSRFToken", document.querySelector('meta[name="csrf-token"]').content);
  request.responseType = "json";
  request.upload.onprogress = (event) => {
    if (event.lengthComputable) line.querySelector("progress").value = event.loaded / event.total;
  };
  request.onloadend = () => {
    pending -= 1;
    tellPending();
    if (request.status === 200 && line.isConnected) return finish(line, request.response);
    line.remove();
    if (request.status !== 200) {
      const said = request.response?.problem ?? request.response?.detail;
      complain(slot, said ?? word("entry.failed", { name: file.name }));
    }
  };
  pending += 1;
  tellPending();
  request.send(body);
}

function take(slot, files) {
  slot.querySelector("[data-problems]").replaceChildren();
  slot.classList.remove("has-problem");
  for (const file of files) {
    if (slot.querySelectorAll("[data-files] li").length >= limitFiles) {
      complain(slot, word("entry.too-many", { count: limitFiles }));
      return;
    }
    if (file.size > limitBytes) {
      complain(slot, word("entry.too-large", { name: file.name, size: limitBytes / MEGABYTE }));
    } else {
      send(slot, file);
    }
  }
}

for (const slot of form.querySelectorAll("[data-slot]")) {
  const input = slot.querySelector("input[type=file]");
  slot.querySelector("[data-drop-hint]").hidden = false;
  input.addEventListener("change", () => {
    take(slot, [...input.files]);
    input.value = "";
  });
  slot.addEventListener("dragover", (event) => {
    event.preventDefault();
    slot.classList.add("is-over");
  });
  slot.addEventListener("dragleave", () => slot.classList.remove("is-over"));
  slot.addEventListener("drop", (event) => {
    event.preventDefault();
    slot.classList.remove("is-over");
    take(slot, [...event.dataTransfer.files]);
  });
}

for (const button of form.querySelectorAll("[data-remove]")) button.hidden = false;

form.addEventListener("click", (event) => {
  event.target.closest("[data-remove]")?.closest("li").remove();
});

form.addEventListener("submit", (event) => {
  if (!pending) return;
  event.preventDefault();
  form.querySelector("[data-pending]").scrollIntoView({ block: "nearest" });
});

/** What is wrong with a credit code, as a key of words (GB 32100-2015: weights 3^i modulo 31), or null. */
function usccProblem(code) {
  if (code.length !== 18) return "entry.uscc-length";
  const values = [...code].map((character) => ALPHABET.indexOf(character));
  if (values.includes(-1)) return "entry.uscc-characters";
  let sum = 0;
  let weight = 1;
  for (const value of values.slice(0, 17)) {
    sum += value * weight;
    weight = (weight * 3) % 31;
  }
  return (31 - (sum % 31)) % 31 === values[17] ? null : "entry.uscc-checksum";
}

const uscc = form.querySelector("[name=uscc]");
const usccPlace = form.querySelector("[data-uscc-problem]");
uscc.addEventListener("input", () => {
  const code = uscc.value.normalize("NFKC").replace(/\s/g, "").toUpperCase();
  const problem = code.length < 18 && document.activeElement === uscc ? null : usccProblem(code);
  usccPlace.textContent = problem ? word(problem) : "";
  usccPlace.hidden = !problem;
  if (problem) uscc.setAttribute("aria-invalid", "true");
  else uscc.removeAttribute("aria-invalid");
});
uscc.addEventListener("blur", () => uscc.dispatchEvent(new Event("input")));

form.classList.add("is-scripted");
