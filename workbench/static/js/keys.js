// Key bindings of the page. They never fire while somebody types, composes Chinese, or holds Ctrl, Alt or Meta.

const bindings = [];

/**
 * Bind a key.
 * @param {{key: string, label: string, run: (event: KeyboardEvent) => void, group?: string, shown?: string,
 *          when?: () => boolean}} binding
 *   key as KeyboardEvent.key gives it, letters in lower case; `shown` is how the sheet writes it;
 *   `when` says whether it applies now.
 * @returns {() => void} takes the binding away again.
 */
export function bind(binding) {
  bindings.push(binding);
  return () => {
    const place = bindings.indexOf(binding);
    if (place >= 0) bindings.splice(place, 1);
  };
}

/** What is bound on this page, in the order of binding, for the sheet of shortcuts. */
export function bound() {
  return bindings.filter((each) => each.label);
}

/** Whether the keyboard belongs to a field right now. */
export function isTyping(event) {
  if (event.isComposing || event.keyCode === 229) return true;
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "button", "submit", "range"].includes(target.type);
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || isTyping(event)) return;
  if (document.querySelector("dialog[open]")) return;
  const pressed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const binding = bindings.findLast((each) => each.key === pressed && (!each.when || each.when()));
  if (!binding) return;
  event.preventDefault();
  binding.run(event);
});
