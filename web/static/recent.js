// The work that was sent from this browser. The service has no list of tasks, and an id opens a result: ids are kept here.

import { askJson } from "./api.js";
import { poll } from "./polling.js";
import { onRemembered, recall, remember } from "./preferences.js";
import { answered, service } from "./service.js";

const NAME = "recent";
const MOST = 200; // more only where they are not read yet, or the service still keeps them
const KEPT = 3600; // seconds, until the service has said for how long it keeps results
const ASKED_AT_ONCE = 20; // of those that are open, in turn
const AT_ONCE = 4;
const listeners = new Set();
let polling = null;
let asked = 0;

/** All that is known of what was sent, the newest first. */
export const recentWork = () => recall(NAME, []);

/** What is known of one. */
export const recentEntry = (id) => recentWork().find((entry) => entry.id === id);

/** Calls back when something has changed, in this tab or another; returns how to end that. */
export function onRecent(changed) {
  listeners.add(changed);
  return () => listeners.delete(changed);
}

onRemembered(NAME, () => tell());

function tell() {
  for (const changed of [...listeners]) changed();
}

function keep(entries) {
  remember(NAME, entries.filter((entry, at) => at < MOST || isOpen(entry) || isKept(entry)));
  tell();
}

function isKept({ status, finalAt = 0 }) {
  return status !== "gone" && Date.now() / 1000 - finalAt < (service.index?.limits.result_ttl ?? KEPT);
}

/** Notes what was sent, or opened by its address. */
export function addRecent(entry) {
  keep([entry, ...recentWork().filter((other) => other.id !== entry.id)]);
  polling?.now();
}

/** Changes what is known of one, if it is listed and something differs. */
export function updateRecent(id, facts) {
  const entries = recentWork();
  const entry = entries.find((other) => other.id === id);
  if (!entry || Object.entries(facts).every(([name, value]) => entry[name] === value)) return false;
  Object.assign(entry, facts);
  keep(entries);
  return true;
}

/** Drops one from the list; the service keeps it as long as it would have. */
export function dropRecent(id) {
  keep(recentWork().filter((entry) => entry.id !== id));
}

/** Whether it is not final. */
export const isOpen = (entry) => entry.status === "pending" || entry.status === "processing";

/** The facts that are kept, out of an answer about a task. */
export function factsOf(task) {
  const alone = { total: 1, completed: Number(task.status === "completed"), failed: Number(task.status === "failed") };
  const { total, completed, failed } = task.pages?.total ? task.pages : alone;
  const final = task.status === "completed" || task.status === "failed";
  return { status: task.status, total, completed, failed, code: task.code ?? "", error: task.error ?? "", finalAt: final ? task.updated_at : 0 };
}

/** Asks for what is open, while it is watched; returns how to end that. */
export function watchRecent() {
  polling = poll(async () => {
    const open = nextOpen();
    let moved = false;
    for (let at = 0; at < open.length; at += AT_ONCE) {
      const found = await Promise.all(open.slice(at, at + AT_ONCE).map(refresh));
      moved ||= found.includes(true);
    }
    return moved ? "moved" : "same";
  });
  return () => {
    polling.stop();
    polling = null;
  };
}

/** Those that are asked for now: of many, the ones after those of the last time. */
function nextOpen() {
  const open = recentWork().filter(isOpen);
  const from = asked < open.length ? asked : 0;
  asked = from + ASKED_AT_ONCE;
  return open.slice(from, asked);
}

async function refresh(entry) {
  try {
    return updateRecent(entry.id, factsOf(await answered(askJson(`ocr/${entry.id}?text=false`))));
  } catch (error) {
    if (error.status === 404 || error.status === 410) return updateRecent(entry.id, { status: "gone" });
    if (error.passes) throw error;
    return false; // the others are still asked for
  }
}
