// The documents that this browser knows: the service has no list of tasks, and an id opens a result.

import { askJson, service } from "./api.js";
import { poll, topic } from "./changes.js";
import { onRemembered, recall, remember } from "./preferences.js";

const NAME = "recent";
const MOST = 200; // more only where they are not read yet, or the service still keeps them
const KEPT = 3600; // seconds, until the service has said for how long it keeps results
const ASKED_AT_ONCE = 20; // of those that are open, in turn
const changes = topic();
export const followRecent = changes.follow;
let askNow = () => {};
let asked = 0;

export const recentWork = () => recall(NAME, []);

export const recentEntry = (id) => recentWork().find((entry) => entry.id === id);

onRemembered(NAME, changes.tell);

function keep(entries) {
  remember(NAME, entries.filter((entry, at) => at < MOST || isOpen(entry) || isKept(entry)));
  changes.tell();
}

const isKept = ({ status, finalAt = 0 }) => status !== "gone" && Date.now() / 1000 - finalAt < (service.index?.limits.result_ttl ?? KEPT);

const others = (id) => recentWork().filter((entry) => entry.id !== id);

export function addRecent(entry) {
  keep([{ size: 0, url: "", options: {}, ...entry }, ...others(entry.id)]);
  askNow();
}

export function updateRecent(id, facts) {
  const entries = recentWork();
  const entry = entries.find((other) => other.id === id);
  if (!entry || Object.entries(facts).every(([name, value]) => entry[name] === value)) return false;
  Object.assign(entry, facts);
  keep(entries);
  return true;
}

/** The service keeps it as long as it would have. */
export const dropRecent = (id) => keep(others(id));

export const isOpen = ({ status }) => status === "pending" || status === "processing";

export function factsOf({ status, pages, code = "", error = "", updated_at }) {
  const alone = { total: 1, completed: Number(status === "completed"), failed: Number(status === "failed") };
  const { total, completed, failed } = pages?.total ? pages : alone;
  return { status, total, completed, failed, code, error, finalAt: isOpen({ status }) ? 0 : updated_at };
}

export function watchRecent(element) {
  const look = async () => {
    let found = "same";
    for (const entry of nextOpen()) if (await refresh(entry)) found = "moved";
    return found;
  };
  askNow = poll(look, { element });
}

/** Of many, those after the ones of the last time. */
function nextOpen() {
  const open = recentWork().filter(isOpen);
  const from = asked < open.length ? asked : 0;
  asked = from + ASKED_AT_ONCE;
  return open.slice(from, asked);
}

async function refresh({ id }) {
  try {
    return updateRecent(id, factsOf(await askJson(`ocr/${id}?text=false`)));
  } catch (error) {
    if (error.status === 404 || error.status === 410) return updateRecent(id, { status: "gone" });
    if (error.passes) throw error;
    return false; // the others are still asked for
  }
}

/** `#/` is the start, `#/d/ID/7` page 7 of a document. */
export function placeOf(hash) {
  const [, id = "", page] = /^#\/d\/([\w-]{1,64})(?:\/([1-9]\d{0,8}))?(?:\/|$)/.exec(hash) ?? [];
  return { id, page: Number(page ?? 0) };
}

export const addressOf = (id, page = 0) => `#/d/${id}${page ? `/${page}` : ""}`;

export const open = (id) => (location.hash = addressOf(id));
