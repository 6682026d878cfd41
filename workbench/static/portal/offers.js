// The demo's accounts fill in the sign-in box; what only a person can read stays to be typed.

const form = document.querySelector("form.sign-in");

for (const offer of document.querySelectorAll("[data-offer]")) {
  offer.addEventListener("click", () => {
    for (const name of ["uscc", "login", "password"]) form.elements[name].value = offer.dataset[name];
    form.elements.captcha.focus();
  });
}
