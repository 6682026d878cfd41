// A submission is sent once: the button rests until the answer is there. The server would send it once anyway.

for (const form of document.querySelectorAll("form.statement")) {
  form.addEventListener("submit", () => {
    for (const button of form.querySelectorAll("[data-once]")) button.setAttribute("aria-disabled", "true");
  });
  form.addEventListener("click", (event) => {
    if (event.target.closest('[data-once][aria-disabled="true"]')) event.preventDefault();
  });
}

addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("[data-once]")) button.removeAttribute("aria-disabled");
});
