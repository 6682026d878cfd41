// Choosing the enterprises to tell: all on the page by one box, and how many are chosen.

const form = document.querySelector("[data-choosing]");
const all = form.querySelector("[data-all]");
const boxes = [...form.querySelectorAll('[name="case"]')];

function tell() {
  const count = boxes.filter((each) => each.checked).length;
  form.querySelector("[data-chosen]").textContent = count || "";
  all.checked = count === boxes.length;
  all.indeterminate = count > 0 && count < boxes.length;
}

if (all) {
  all.closest("[data-all-offer]").hidden = false;
  all.addEventListener("change", () => {
    for (const each of boxes) each.checked = all.checked;
    tell();
  });
  form.addEventListener("change", tell);
  tell();
}
