// Parts of a page that others change too, or that a scan has changed: read anew without leaving the page.

/**
 * Put in the place of these parts what the page's address shows now; stays as it is when the server cannot be reached.
 * @param {string[]} selectors
 * @returns {Promise<boolean>} false when one of them is no longer on the page: it is another page by now.
 */
export async function readAnew(selectors) {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return true;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (selectors.some((each) => !fresh.querySelector(each))) return false;
  for (const each of selectors) document.querySelector(each).replaceWith(fresh.querySelector(each));
  return true;
}
