// Fetch with the CSRF token and problem documents as errors. Failures are shown in a toast unless the caller shows them.

import { toast } from "./toast.js";
import { word } from "./words.js";

/** What the server refused, as its problem document says it. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || word("network.failed"));
    this.status = status;
    this.title = body.title || "";
    this.advice = body.advice || "";
    this.requestId = body.request_id || "";
    this.body = body;
  }
}

const token = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

/**
 * Ask the server; the answer is its JSON, or null when it has none.
 * @param {string} url
 * @param {{method?: string, json?: unknown, form?: FormData | URLSearchParams, signal?: AbortSignal, quiet?: boolean}} options
 *   quiet leaves showing a failure to the caller.
 * @throws {Problem} the server refused, or could not be reached (status 0).
 */
export async function ask(url, { method = "GET", json, form, signal, quiet = false } = {}) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRFToken"] = token();
  if (json !== undefined) headers["Content-Type"] = "application/json";
  const body = json !== undefined ? JSON.stringify(json) : form;
  try {
    return await read(await fetch(url, { method, headers, body, signal, credentials: "same-origin" }));
  } catch (error) {
    if (error.name === "AbortError") throw error;
    const problem = error instanceof Problem ? error : new Problem(0, { detail: word("network.failed") });
    if (!quiet) show(problem);
    throw problem;
  }
}

/** POST, with the same options as `ask`. */
export const post = (url, options = {}) => ask(url, { ...options, method: "POST" });

/** Show a problem: what happened, what to do next, the id to report. */
export function show(problem) {
  const id = problem.requestId ? ` (${problem.requestId})` : "";
  toast([problem.message, problem.advice].filter(Boolean).join(" ") + id, "late");
}

async function read(response) {
  const type = response.headers.get("Content-Type") || "";
  const body = type.includes("json") ? await response.json() : null;
  if (!response.ok) throw new Problem(response.status, body || {});
  return body;
}
