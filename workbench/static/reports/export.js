// Watches an export that is being written: moves the bar, and shows the download as soon as there is one.
const card = document.querySelector("[data-export]");
const EVERY = 1000;

async function look() {
  const answer = await fetch(card.dataset.export, { headers: { Accept: "application/json" } });
  if (!answer.ok) {
    return;
  }
  const { state, done } = await answer.json();
  if (state !== "waiting") {
    window.location.reload();
    return;
  }
  card.querySelector("progress").value = done;
  card.querySelector("[data-done]").textContent = done;
  setTimeout(look, EVERY);
}

setTimeout(look, EVERY);
