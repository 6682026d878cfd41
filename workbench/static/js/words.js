// Words for scripts, in the page's language: each page carries them as JSON, scripts hold none of their own.

const words = new Map();

for (const block of document.querySelectorAll('script[type="application/json"][data-words]')) {
  for (const [key, value] of Object.entries(JSON.parse(block.textContent))) words.set(key, value);
}

/** The words of `key`, with %(name)s filled from `values`; the key itself when the page does not carry it. */
export function word(key, values = {}) {
  const found = words.get(key) ?? key;
  return found.replace(/%\((\w+)\)[sd]/g, (whole, name) => (name in values ? String(values[name]) : whole));
}
