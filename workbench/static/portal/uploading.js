// Sends one file piece by piece and goes on by itself after a broken connection, from what the server has received.

import { Problem } from "../js/http.js";

const PAUSES = [1, 2, 4, 8, 15, 30];
const token = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

/** The file changed or vanished on this device while it was being sent. */
export class FileGone extends Error {}

/**
 * Send `file` to `slot`; resolves to the server's word on the paper it became.
 * @param {{file: File, slot: string, url: string, known?: {address: string, size: number}[], signal: AbortSignal,
 *   tell: (state: string, values?: object) => void}} job
 *   `known` are unfinished uploads that may be of this file; `tell` hears of progress.
 * @throws {Problem} the server refused. {FileGone} the file can't be read. AbortError: it was cancelled.
 */
export async function send(job) {
  const state = { pauses: 0 };
  let upload = null;
  for (;;) {
    try {
      upload ??= (await resumed(job, state)) ?? (await begun(job));
      await pieces(job, upload, state);
      job.tell("checking");
      return await call(`${upload.url}/finish`, { method: "POST", signal: job.signal });
    } catch (error) {
      if (!isPassing(error)) return await giveUp(upload, error);
    }
    await pause(job, state).catch((error) => giveUp(upload, error));
    upload = upload && (await call(upload.url, { signal: job.signal }).catch((again) => keep(again, upload)));
  }
}

/** What was refused or cancelled is of no use on the server either; it would be swept away in a day. */
async function giveUp(upload, error) {
  if (upload) await call(`${upload.url}/remove`, { method: "POST" }).catch(() => null);
  throw error;
}

function keep(error, upload) {
  if (!isPassing(error)) throw error;
  return upload;
}

async function begun({ file, slot, url, signal }) {
  return call(url, { method: "POST", json: { slot, name: file.name, size: file.size }, signal });
}

/** An unfinished upload of the very same bytes: its beginning is compared, for names and sizes may agree by chance. */
async function resumed({ file, known = [], signal, tell }) {
  for (const { address, size } of known) {
    if (size !== file.size || !globalThis.crypto?.subtle) continue;
    const upload = await call(address, { signal });
    const beginning = await bytes(file.slice(0, upload.received));
    if (!upload.finished && upload.sha256 === (await digest(beginning))) {
      tell("resumed");
      return upload;
    }
  }
  return null;
}

async function pieces(job, upload, state) {
  const { file, signal, tell } = job;
  while (upload.received < file.size) {
    tell("progress", { received: upload.received });
    const piece = await bytes(file.slice(upload.received, upload.received + upload.chunk));
    const headers = { "Upload-Offset": String(upload.received), "Content-Type": "application/octet-stream" };
    try {
      upload.received = (await call(upload.url, { method: "PUT", body: piece, headers, signal })).received;
      state.pauses = 0;
    } catch (error) {
      if (error.status !== 409 || typeof error.body?.received !== "number") throw error;
      upload.received = error.body.received;
    }
  }
  tell("progress", { received: file.size });
}

const isPassing = (error) => error instanceof Problem && (error.status === 0 || error.status === 429 || error.status >= 500);

async function pause({ tell, signal }, state) {
  const seconds = PAUSES[Math.min(state.pauses, PAUSES.length - 1)];
  state.pauses += 1;
  tell("lost", { seconds });
  await new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    addEventListener("online", resolve, { once: true });
    signal.addEventListener("abort", () => reject(new DOMException("cancelled", "AbortError")), { once: true });
    signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  });
}

async function bytes(part) {
  try {
    return await part.arrayBuffer();
  } catch {
    throw new FileGone();
  }
}

async function digest(content) {
  const found = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return Array.from(found, (each) => each.toString(16).padStart(2, "0")).join("");
}

async function call(url, { method = "GET", json, body, headers = {}, signal }) {
  const sent = { Accept: "application/json", ...headers };
  if (method !== "GET") sent["X-CSRFToken"] = token();
  if (json !== undefined) sent["Content-Type"] = "application/json";
  let response;
  let said = null;
  try {
    response = await fetch(url, {
      method,
      headers: sent,
      body: json !== undefined ? JSON.stringify(json) : body,
      signal,
      credentials: "same-origin",
    });
    if ((response.headers.get("Content-Type") || "").includes("json")) said = await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, {});
  }
  if (!response.ok || said === null) throw new Problem(response.ok ? 401 : response.status, said || {});
  return said;
}
