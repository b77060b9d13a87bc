// Every request of the page. Addresses are relative to where this module lies: it works below any path of a proxy.

export const root = new URL("../../", import.meta.url).href;

const TIMEOUT = 15_000; // ms until the head of an answer, and for the whole of a short one
const UPLOAD_SILENCE = 60_000; // ms without a byte sent or an answer

/** What the service refused, or why it could not be asked: then `status` is 0 and `code` is "unreachable". */
export class Problem extends Error {
  constructor(status, code, sentence, retryAfter = 0) {
    super(sentence);
    Object.assign(this, { status, code, retryAfter });
  }

  /** Whether the same request may be answered later. */
  get passes() {
    return [0, 502, 503, 504, 507].includes(this.status);
  }
}

/**
 * Asks, and returns what `read` makes of the answer; raises `Problem` for an answer that is an error, and where no answer
 * comes. Only the head of the answer has a time limit; with `short` its body has one, too.
 */
export async function ask(path, read, { method = "GET", json = null, signal = null, accept = "*/*", short = false } = {}) {
  const stopper = new AbortController();
  const timer = setTimeout(() => stopper.abort(), TIMEOUT);
  const headers = { Accept: accept, ...(json && { "Content-Type": "application/json" }) };
  const both = signal ? AbortSignal.any([signal, stopper.signal]) : stopper.signal;
  try {
    const answer = await fetch(root + path, { method, headers, body: json && JSON.stringify(json), signal: both });
    if (!answer.ok) throw await problemOf(answer);
    if (!short) clearTimeout(timer);
    return await read(answer);
  } catch (error) {
    if (error instanceof Problem || signal?.aborted) throw error;
    throw new Problem(0, "unreachable", String(error));
  } finally {
    clearTimeout(timer);
  }
}

const jsonOf = (answer) => (answer.status === 204 ? null : answer.json());

/** The answer's JSON, which is short: how something stands. */
export const askJson = (path, how) => ask(path, jsonOf, { accept: "application/json", short: true, ...how });

/** The answer's text. */
export const askText = (path) => ask(path, (answer) => answer.text());

async function problemOf(answer) {
  return refusal(answer.status, await answer.json().catch(() => ({})), answer.headers.get("Retry-After"));
}

const refusal = (status, { code = "", detail = "" }, retryAfter) => new Problem(status, code, detail, Number(retryAfter) || 0);

/** Sends a file with its options; `onProgress` gets the share that was sent, from 0 to 1, for which fetch has no event. */
export function upload(file, options, onProgress, signal) {
  const form = new FormData();
  for (const [name, value] of Object.entries(options)) form.append(name, value);
  form.append("file", file, file.name);
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    let silence = 0;
    const lose = () => reject(new Problem(0, "unreachable", ""));
    const listen = () => {
      clearTimeout(silence);
      silence = setTimeout(() => request.abort(), UPLOAD_SILENCE);
    };
    request.upload.onprogress = (event) => (listen(), onProgress(event.total ? event.loaded / event.total : 0));
    request.onload = () => settle(request, resolve, reject);
    request.onerror = request.onabort = lose;
    request.onloadend = () => clearTimeout(silence);
    signal.addEventListener("abort", () => request.abort());
    request.open("POST", `${root}ocr`);
    listen();
    request.send(form);
  });
}

function settle(request, resolve, reject) {
  let said = {};
  try {
    said = JSON.parse(request.responseText);
  } catch {
    // a proxy's own page
  }
  if (request.status === 202 && said.task_id) resolve(said);
  else reject(refusal(request.status, said, request.getResponseHeader("Retry-After")));
}
