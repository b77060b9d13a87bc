// Every request, and what the answers say of the service.

import { topic } from "./changes.js";

/** Relative to this module: the page works below any path of a proxy. */
export const root = new URL("../../", import.meta.url).href;

const TIMEOUT = 15_000; // ms until the head of an answer, and for the whole of a short one
const UPLOAD_SILENCE = 60_000; // ms without a byte sent or an answer

export const service = { away: false, index: null, stats: null };
const changes = topic();
export const followService = changes.follow;
let learning = null;

/** What the service refused, or with `status` 0 why it could not be asked. */
class Problem extends Error {
  constructor(status, { code = "", detail = "" } = {}, retryAfter = 0) {
    super(detail);
    Object.assign(this, { status, code, retryAfter: Number(retryAfter) || 0 });
  }

  /** Whether the same request may be answered later. */
  get passes() {
    return [0, 502, 503, 504, 507].includes(this.status);
  }
}

const unreachable = (detail = "") => new Problem(0, { code: "unreachable", detail });

/**
 * What `read` makes of the answer; raises `Problem` for an error, and where no answer comes. Only the head of the answer has a
 * time limit; with `short` its body has one, too.
 */
export async function ask(path, read, { method = "GET", json = null, signal = null, short = false } = {}) {
  const stopper = new AbortController();
  const timer = setTimeout(() => stopper.abort(), TIMEOUT);
  const body = json && { body: JSON.stringify(json), headers: { "Content-Type": "application/json" } };
  const both = AbortSignal.any([signal ?? stopper.signal, stopper.signal]);
  try {
    const answer = await fetch(root + path, { method, ...body, signal: both });
    if (!answer.ok) throw new Problem(answer.status, await answer.json().catch(() => ({})), answer.headers.get("Retry-After"));
    if (!short) clearTimeout(timer);
    const found = await read(answer);
    noteAway(false);
    return found;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw noted(error instanceof Problem ? error : unreachable(String(error)));
  } finally {
    clearTimeout(timer);
  }
}

export const askJson = (path, how) => ask(path, (answer) => answer.json(), { short: true, ...how });

/** Sends a file; `onProgress` gets the share that was sent, for which fetch has no event. */
export function upload(file, options, onProgress, signal) {
  const form = new FormData();
  for (const [name, value] of Object.entries(options)) form.append(name, value);
  form.append("file", file, file.name);
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    let silence = 0;
    const listen = () => {
      clearTimeout(silence);
      silence = setTimeout(() => request.abort(), UPLOAD_SILENCE);
    };
    request.upload.onprogress = (event) => (listen(), onProgress(event.total ? event.loaded / event.total : 0));
    request.onloadend = () => {
      clearTimeout(silence);
      const { status } = request;
      const said = request.response ?? {}; // null for a proxy's own page
      if (status === 202 && said.task_id) resolve((noteAway(false), said));
      else if (signal.aborted) reject(unreachable());
      else reject(noted(status ? new Problem(status, said, request.getResponseHeader("Retry-After")) : unreachable()));
    };
    signal.addEventListener("abort", () => request.abort());
    request.responseType = "json";
    request.open("POST", `${root}ocr`);
    listen();
    request.send(form);
  });
}

function noted(problem) {
  noteAway([0, 502, 504].includes(problem.status) || problem.code === "broker_unavailable");
  return problem;
}

export function noteAway(away) {
  if (service.away === away) return;
  service.away = away;
  changes.tell();
}

/** Asks for limits and calls; once, however many ask meanwhile. */
export async function learnService() {
  learning ??= askJson("").finally(() => (learning = null));
  service.index ??= await learning;
  changes.tell();
}

export async function refreshStats() {
  service.stats = await askJson("stats");
  if (!service.index) await learnService();
  changes.tell();
}
