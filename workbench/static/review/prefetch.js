// Fetches the neighbours of the page in view, once that page is there, and nothing else: more would starve it.

import { data, neighbour } from "./case_data.js";

let waiting = [];

/** Stop fetching neighbours: another page is asked for and goes first. */
export function stand() {
  for (const image of waiting) if (!image.complete) image.src = "";
  waiting = [];
}

/** Fetch the next and the previous page. */
export function fetchNeighbours() {
  stand();
  waiting = [neighbour(1), neighbour(-1)].filter(Boolean).map(({ document, page }) => {
    const image = new Image();
    image.fetchPriority = "low";
    image.decoding = "async";
    image.src = data.documents[document].pages[page].image;
    return image;
  });
}
