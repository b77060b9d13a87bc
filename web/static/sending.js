// What is being sent. While the service is full or away, the rest waits here; what is refused stays, with the reason.

import { note } from "./announce.js";
import { askJson, upload } from "./api.js";
import { topic } from "./changes.js";
import { addRecent, open, recentEntry } from "./recent.js";
import { t } from "./words.js";

const AT_ONCE = 3;
const FIRST_PAUSE = 2; // seconds
const LONGEST_PAUSE = 30;
const SHOWN_BY_BROWSERS = /^image\/(png|jpeg|webp|gif|bmp|avif)$/;

const items = [];
const changes = topic();
export const followSending = changes.follow;
const sentFiles = new Map(); // by id, of this tab
let pausedUntil = 0;
let pauses = 0;

/** What is not with the service, all of it or in these states. */
export const sending = (...states) => items.filter((item) => !states.length || states.includes(item.state));

export const wouldLose = () => sending("ready", "sending", "held").length > 0;

export const sentPicture = (id) => (SHOWN_BY_BROWSERS.test(sentFiles.get(id)?.type) ? sentFiles.get(id) : null);

export function send(things, options, onSent) {
  for (const thing of things) {
    const what = thing instanceof File ? { name: thing.name, size: thing.size, file: thing } : { name: thing, url: thing };
    items.push({ ...what, options, onSent, state: "ready", share: 0, problem: null, stopper: new AbortController() });
  }
  changed();
}

/** Past the page cache: the file that this tab still has, else its address. */
export function readAgain(model, { page }) {
  const { options, url } = recentEntry(model.id) ?? {};
  const thing = sentFiles.get(model.id) ?? url;
  if (thing) send([thing], { ...options, cache: "false", ...(model.isDocument && { page_range: String(page) }) }, open);
  note(t(thing ? "read_again_sent" : "choose_again"));
}

export function dropSending(item) {
  if (!takeOut(item)) return;
  item.stopper.abort();
  changed();
}

/** False where it is no longer in it. */
function takeOut(item) {
  const at = items.indexOf(item);
  if (at >= 0) items.splice(at, 1);
  return at >= 0;
}

function changed() {
  changes.tell();
  sendMore();
}

function sendMore() {
  if (Date.now() < pausedUntil) return;
  sending("ready", "held").slice(0, AT_ONCE - sending("sending").length).forEach(sendOne);
}

async function sendOne(item) {
  const { name, size, file, url, options, stopper, onSent } = item;
  const { password: _, ...kept } = options;
  item.state = "sending";
  try {
    const { task_id: id } = await (file ? upload(file, options, progressOf(item), stopper.signal) : sendAddress(item));
    if (!takeOut(item)) return;
    pauses = 0;
    if (file) sentFiles.set(id, file);
    addRecent({ id, name, size, sent: Date.now() / 1000, url, options: kept, status: "pending", total: 1, completed: 0, failed: 0 });
    onSent(id);
  } catch (problem) {
    if (!items.includes(item)) return; // taken away meanwhile
    Object.assign(item, { problem, share: 0, state: problem.passes ? "held" : "refused" });
    if (problem.passes) hold(problem);
  }
  changed();
}

const progressOf = (item) => (share) => {
  item.share = share;
  changes.tell();
};

function sendAddress({ options, url, stopper }) {
  const typed = Object.entries(options).map(([name, value]) => [name, /^(max_tokens|temperature)$/.test(name) ? Number(value) : value]);
  const json = { ...Object.fromEntries(typed), ...(options.cache && { cache: options.cache === "true" }), url };
  return askJson("ocr/url", { method: "POST", json, signal: stopper.signal });
}

function hold({ retryAfter }) {
  const pause = 1000 * Math.max(retryAfter, Math.min(FIRST_PAUSE * 2 ** pauses, LONGEST_PAUSE));
  if (Date.now() >= pausedUntil) pauses += 1; // those that were refused together count once
  pausedUntil = Date.now() + pause;
  setTimeout(sendMore, pause + 10);
}

addEventListener("online", () => {
  pausedUntil = 0;
  sendMore();
});
addEventListener("beforeunload", (event) => wouldLose() && event.preventDefault());
