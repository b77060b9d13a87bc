// What is being sent: three at once. While the service is full or away, the rest waits here.
// A file that is refused stays in the list, with the reason.

import { askJson, upload } from "./api.js";
import { addRecent } from "./recent.js";
import { noteAway, noteProblem } from "./service.js";

const AT_ONCE = 3;
const FIRST_PAUSE = 2; // seconds
const LONGEST_PAUSE = 30;
const SHOWN_BY_BROWSERS = /^image\/(png|jpeg|webp|gif|bmp|avif)$/;

const items = [];
const listeners = new Set();
/** id → file, for what this tab has sent: to show a picture, and to send a page again. */
const sentFiles = new Map();
let pausedUntil = 0;
let pauses = 0;

/** Calls back when something has changed; returns how to end that. */
export function onSending(changed) {
  listeners.add(changed);
  return () => listeners.delete(changed);
}

function tell() {
  for (const changed of [...listeners]) changed();
}

/** All that is not with the service: { name, size, state: "ready" | "sending" | "held" | "refused", share, problem }. */
export const sending = () => items;

/** Whether closing the page would lose something. */
export const wouldLose = () => items.some((item) => item.state !== "refused");

/** The file that was sent under an id by this tab, if it was. */
export const sentFile = (id) => sentFiles.get(id);

/** The same, if it is a picture that a browser can show. */
export const sentPicture = (id) => (SHOWN_BY_BROWSERS.test(sentFiles.get(id)?.type ?? "") ? sentFiles.get(id) : null);

/** Sends files with these options. `onSent` gets the id of each. */
export function sendFiles(files, options, onSent = () => {}) {
  add(files.map((file) => ({ name: file.name, size: file.size, file, options, onSent })));
}

/** Sends addresses with these options. */
export function sendAddresses(urls, options, onSent = () => {}) {
  add(urls.map((url) => ({ name: url, size: 0, url, options, onSent })));
}

function add(sent) {
  for (const item of sent) items.push({ state: "ready", share: 0, problem: null, stopper: new AbortController(), ...item });
  tell();
  sendMore();
}

/** Takes one away; one that is being sent is broken off. */
export function dropSending(item) {
  if (!takeOut(item)) return;
  item.stopper.abort();
  tell();
  sendMore();
}

/** Takes one out of what is to be sent; false where it is no longer in it. */
function takeOut(item) {
  const at = items.indexOf(item);
  if (at >= 0) items.splice(at, 1);
  return at >= 0;
}

function sendMore() {
  if (Date.now() < pausedUntil) return;
  for (const item of items.filter((one) => one.state === "ready" || one.state === "held")) {
    if (items.filter((one) => one.state === "sending").length >= AT_ONCE) return;
    send(item);
  }
}

async function send(item) {
  item.state = "sending";
  try {
    const accepted = await (item.file ? sendFile(item) : sendAddress(item));
    if (!takeOut(item)) return;
    noteAway(false);
    pauses = 0;
    if (item.file) sentFiles.set(accepted.task_id, item.file);
    addRecent({ id: accepted.task_id, name: item.name, size: item.size, sent: Date.now() / 1000, url: item.url ?? "", options: kept(item.options), status: "pending", total: 1, completed: 0, failed: 0 });
    item.onSent(accepted.task_id);
  } catch (problem) {
    if (!items.includes(item)) return; // taken away meanwhile
    item.problem = problem;
    item.share = 0;
    item.state = problem.passes ? "held" : "refused";
    if (problem.passes) hold(problem);
  }
  tell();
  sendMore();
}

function sendFile(item) {
  const progress = (share) => {
    item.share = share;
    tell();
  };
  return upload(item.file, item.options, progress, item.stopper.signal);
}

function sendAddress({ options, url, stopper }) {
  return askJson("ocr/url", { method: "POST", json: { ...typed(options), url }, signal: stopper.signal });
}

function hold(problem) {
  noteProblem(problem);
  const pause = Math.max(problem.retryAfter, Math.min(FIRST_PAUSE * 2 ** pauses, LONGEST_PAUSE));
  if (Date.now() >= pausedUntil) pauses += 1; // those that were refused together count once
  pausedUntil = Date.now() + pause * 1000;
  setTimeout(sendMore, pause * 1000 + 10);
}

/** The options as JSON has them. */
function typed(options) {
  const converted = { ...options };
  if ("cache" in converted) converted.cache = converted.cache === "true";
  for (const name of ["temperature", "max_tokens", "ngram_size", "window_size"]) if (name in converted) converted[name] = Number(converted[name]);
  return converted;
}

/** The options to read a page again with. A password is not kept. */
function kept(options) {
  const { password: _, ...rest } = options;
  return rest;
}

addEventListener("online", () => {
  pausedUntil = 0;
  sendMore();
});
addEventListener("beforeunload", (event) => wouldLose() && event.preventDefault());
