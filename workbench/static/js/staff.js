// While roles are chosen: those of another employer step back, and a clash is explained before the form is sent.

import { word } from "./words.js";

const form = document.querySelector("[data-staff-form]");
const employer = form.elements.employer;
const place = form.querySelector("[data-clash]");
const roles = [...form.querySelectorAll(".role")];

function clash() {
  const chosen = roles.filter((role) => role.querySelector("input").checked);
  const kind = employer.value === "vendor" ? "vendor" : "authority";
  if (chosen.length > 1 && chosen.some((role) => "lone" in role.dataset)) return "roles.lone";
  const stranger = chosen.find((role) => role.dataset.employer !== kind);
  return stranger ? `roles.${stranger.dataset.employer}` : null;
}

function show() {
  const kind = employer.value === "vendor" ? "vendor" : "authority";
  for (const role of roles) role.classList.toggle("apart", role.dataset.employer !== kind);
  const found = clash();
  place.hidden = !found;
  place.querySelector("span").textContent = found ? word(found) : "";
}

form.addEventListener("change", show);
show();
