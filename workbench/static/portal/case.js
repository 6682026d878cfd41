// The answer to a remark is kept while it is written, so that nothing is lost by leaving the page another way.
import { post } from "../js/http.js";

for (const form of document.querySelectorAll("[data-answer]")) {
  const field = form.querySelector("textarea");
  const state = form.querySelector("[data-answer-state]");
  let saved = field.value;

  async function save() {
    if (field.value === saved) return;
    const sent = field.value;
    try {
      await post(form.action, { form: new URLSearchParams({ answer: sent }), quiet: true });
      saved = sent;
      state.textContent = state.dataset.saved;
    } catch {
      state.textContent = state.dataset.failed;
    }
  }

  field.addEventListener("input", () => {
    state.textContent = "";
  });
  field.addEventListener("change", save);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
}
