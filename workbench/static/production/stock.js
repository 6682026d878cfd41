// The token stock: the scanner always has somewhere to type, and a whole page of tokens is selected at once.

const scan = document.querySelector("[data-scan]");
if (scan) scan.select();

const all = document.querySelector("[data-all]");
if (all) {
  const boxes = [...document.querySelectorAll('[data-destroy] input[name="token"]')];
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
  });
  for (const box of boxes) {
    box.addEventListener("change", () => {
      all.checked = boxes.every((each) => each.checked);
    });
  }
}
