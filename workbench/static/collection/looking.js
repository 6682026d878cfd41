// Which pages the counter has had before its eyes: painted, and for a moment at least half in view. Only then may all be
// said to match at once.

const MOMENT_MS = 350;
const HALF = 0.5;

/** Watch the pages of a list; calls `changed(left)` with how many have not been looked at. */
export function watchPages(pages, changed) {
  const left = new Set(pages);
  const timers = new Map();
  const look = (page) => {
    left.delete(page);
    page.classList.add("is-seen");
    watcher.unobserve(page);
    changed(left.size);
  };
  const watcher = new IntersectionObserver((entries) => {
    for (const { target, intersectionRatio } of entries) {
      clearTimeout(timers.get(target));
      if (intersectionRatio < HALF) continue;
      const picture = target.querySelector("img");
      const ready = picture.complete ? Promise.resolve() : new Promise((resolve) => picture.addEventListener("load", resolve, { once: true }));
      ready.then(() => timers.set(target, setTimeout(() => picture.naturalWidth && look(target), MOMENT_MS)));
    }
  }, { threshold: [0, HALF] });
  for (const page of pages) watcher.observe(page);
  changed(left.size);
}

/** Let a click enlarge a page. */
export function enlargePages(pages, dialog) {
  const picture = dialog.querySelector("img");
  for (const page of pages) {
    page.addEventListener("click", () => {
      picture.src = page.dataset.src;
      picture.className = `turn-${page.dataset.rotation}`;
      dialog.showModal();
    });
  }
  dialog.addEventListener("click", (event) => {
    if (event.target !== picture) dialog.close();
  });
}
