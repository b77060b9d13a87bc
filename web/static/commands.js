// The same on a command line, as a shell takes it.

import { root } from "./api.js";

const quoted = (text) => (/^[\w@=.,:/-]*$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

export function sendFileCommand(name, options) {
  const plain = /^[\w. -]+$/.test(name) ? name : `"${name.replace(/["\\]/g, "\\$&")}"`;
  const fields = Object.entries(withoutSecrets(options)).map((pair) => `--form-string ${quoted(pair.join("="))}`);
  return [`curl -F ${quoted(`file=@${plain}`)}`, ...fields, quoted(`${root}ocr?wait=30`)].join(" \\\n  ");
}

export function sendAddressCommand(url, options) {
  const body = JSON.stringify({ url, ...withoutSecrets(options) });
  return ["curl -H 'Content-Type: application/json'", `-d ${quoted(body)}`, quoted(`${root}ocr/url?wait=30`)].join(" \\\n  ");
}

export const resultCommand = (id, query) => `curl -OJ ${quoted(`${root}ocr/${id}/result?${query}`)}`;

const withoutSecrets = (options) => ({ ...options, ...(options.password && { password: "…" }) });
