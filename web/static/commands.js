// The same on a command line, as a shell takes it.

import { root } from "./api.js";

const quoted = (text) => (/^[\w@=.,:/<>|-]*$/.test(text) && !/[<>|]/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** The options as fields of a form, each one line. */
const fields = (options) => Object.entries(options).map(([name, value]) => `--form-string ${quoted(`${name}=${value}`)}`);

/** Sends a file. */
export function sendFileCommand(name, options) {
  const plain = /^[\w. -]+$/.test(name) ? name : `"${name.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  return ["curl -F " + quoted(`file=@${plain}`), ...fields(withoutSecrets(options)), quoted(`${root}ocr?wait=30`)].join(" \\\n  ");
}

/** Sends an address. */
export function sendAddressCommand(url, options) {
  const body = JSON.stringify({ url, ...withoutSecrets(options) });
  return ["curl -H 'Content-Type: application/json'", `-d ${quoted(body)}`, quoted(`${root}ocr/url?wait=30`)].join(" \\\n  ");
}

/** Fetches a result under its own name. */
export const resultCommand = (id, query) => `curl -OJ ${quoted(`${root}ocr/${id}/result?${query}`)}`;

function withoutSecrets(options) {
  return "password" in options ? { ...options, password: "…" } : options;
}
