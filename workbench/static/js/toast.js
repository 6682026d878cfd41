// Short messages in the corner of the page, read out by screen readers.

const box = () => document.querySelector(".toasts");

/** Show `message`; kind is "info", "done", "today" or "late". Those that report trouble stay until dismissed. */
export function toast(message, kind = "info", seconds = 6) {
  const template = document.querySelector("template#toast");
  const line = template.content.firstElementChild.cloneNode(true);
  line.classList.add(kind);
  line.querySelector("[data-text]").textContent = message;
  line.querySelector("[data-dismiss]").addEventListener("click", () => line.remove());
  box().append(line);
  if (kind !== "late") setTimeout(() => line.remove(), seconds * 1000);
  return line;
}
