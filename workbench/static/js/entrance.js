// Password fields say when Caps Lock is on; demo accounts fill the sign-in form.

const hint = document.querySelector("[data-caps-hint]");

for (const field of document.querySelectorAll("[data-caps]")) {
  for (const kind of ["keydown", "keyup", "pointerdown"]) {
    field.addEventListener(kind, (event) => {
      hint.hidden = !event.getModifierState?.("CapsLock");
    });
  }
  field.addEventListener("blur", () => {
    hint.hidden = true;
  });
}

document.addEventListener("click", (event) => {
  const account = event.target.closest("[data-login]");
  if (!account) return;
  const form = document.querySelector(".entrance-form form");
  form.elements.login.value = account.dataset.login;
  form.elements.password.value = account.dataset.password;
  form.querySelector("button").focus();
});
