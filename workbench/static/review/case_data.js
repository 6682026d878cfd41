// What the case screen shows and where its reader stands: documents, pages, the place in view. Other modules listen here.

export const data = JSON.parse(document.querySelector("#case-data").textContent);
export const place = { document: data.start.document, page: data.start.page };
const events = new EventTarget();

/** Run `react` with the details each time `name` is told. */
export function on(name, react) {
  events.addEventListener(name, (event) => react(event.detail));
}

/** Tell every listener of `name`. */
export function tell(name, detail) {
  events.dispatchEvent(new CustomEvent(name, { detail }));
}

export const currentDocument = () => data.documents[place.document];
export const currentPage = () => currentDocument()?.pages[place.page];

/** Put a document and one of its pages into view. */
export function go(documentIndex, pageIndex = 0) {
  const wanted = data.documents[documentIndex];
  if (!wanted) return;
  const changed = documentIndex !== place.document;
  place.document = documentIndex;
  place.page = Math.max(0, Math.min(pageIndex, wanted.pages.length - 1));
  const address = new URL(location.href);
  address.searchParams.set("document", wanted.code);
  address.searchParams.set("page", String(place.page + 1));
  history.replaceState(history.state, "", address);
  if (changed) tell("document");
  tell("page");
}

/** The place `delta` pages on, over the edges of documents; undefined past either end. */
export function neighbour(delta) {
  const pages = currentDocument().pages.length;
  const page = place.page + delta;
  if (page >= 0 && page < pages) return { document: place.document, page };
  let index = place.document + delta;
  while (data.documents[index] && data.documents[index].pages.length === 0) index += delta;
  const beyond = data.documents[index];
  return beyond && { document: index, page: delta > 0 ? 0 : beyond.pages.length - 1 };
}

/** Find the document and page that hold a page id. */
export function findPage(pageId) {
  for (const [documentIndex, each] of data.documents.entries()) {
    const page = each.pages.findIndex((candidate) => candidate.id === pageId);
    if (page >= 0) return { document: documentIndex, page };
  }
  return undefined;
}

/** The document that asks for a check item. */
export const documentOf = (itemId) => data.documents.findIndex((each) => each.items.includes(itemId));
