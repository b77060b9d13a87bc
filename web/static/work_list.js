// The lists of the start view: what is being sent, and what this browser has sent before. Rows are kept and only changed, so that
// focus and selection stay while pages are read.

import { button, h, setText } from "./dom.js";
import { dropRecent, isOpen, onRecent, recentWork } from "./recent.js";
import { addressOf } from "./router.js";
import { dropSending, onSending, sending } from "./sending.js";
import { ago, fileSize, number, problemWords, t } from "./words.js";

/** A list whose rows follow `all()`; `row(item)` makes one as { element, update }. Returns how to bring it up to date. */
function keyedList(list, all, row) {
  const rows = new Map();
  return () => {
    const items = all();
    const keys = new Set(items.map((item) => item.id ?? item));
    for (const [key, known] of rows) if (!keys.has(key)) (known.element.remove(), rows.delete(key));
    items.forEach((item, at) => {
      const key = item.id ?? item;
      if (!rows.has(key)) rows.set(key, row(item));
      const known = rows.get(key);
      known.update(item);
      if (list.children[at] !== known.element) list.insertBefore(known.element, list.children[at] ?? null);
    });
  };
}

/** What is being sent: { element, stop }; nothing is shown while there is nothing. */
export function sendingList() {
  const list = h("ul", { class: "work" });
  const held = h("p", { class: "notice", hidden: true });
  const section = h("section", { class: "sending", "aria-label": t("sending_of") }, held, list);
  const fill = keyedList(list, sending, sendingRow);
  const update = () => {
    const full = sending().filter((item) => item.state === "held" && item.problem.code === "queue_full");
    held.hidden = full.length === 0;
    if (full.length) setText(held, t("held_full", { n: sending().filter((item) => item.state !== "refused").length }));
    section.hidden = sending().length === 0;
    fill();
  };
  update();
  return { element: section, stop: onSending(update) };
}

function sendingRow(item) {
  const state = h("span", { class: "state" });
  const why = h("small", { class: "soft" });
  const bar = h("progress", { max: 1, "aria-label": item.name });
  const remove = button(t("remove", { name: item.name }), () => dropSending(item), { drawing: "close", bare: true });
  const element = h("li", {}, h("div", { class: "who" }, h("span", { class: "name" }, item.name), why), bar, state, remove);
  const update = () => {
    const refused = item.state === "refused";
    element.classList.toggle("bad", refused);
    bar.hidden = item.state !== "sending";
    bar.value = item.share;
    const share = item.share ? number(item.share, { style: "percent" }) : "";
    setText(state, item.state === "sending" ? t("sending", { share }) : t(refused ? "refused" : "held"));
    setText(why, item.problem && item.state !== "sending" ? problemWords(item.problem) : item.size ? fileSize(item.size) : "");
  };
  return { element, update };
}

/** What was sent before: { element, stop }. */
export function recentList() {
  const list = h("ul", { class: "work" });
  const nothing = h("p", { class: "soft empty" }, t("no_recent"));
  const head = h("div", { class: "section-head" }, h("h2", {}, t("recent")), h("p", { class: "soft small" }, t("only_this_browser")));
  const section = h("section", { class: "recent" }, head, nothing, list);
  const fill = keyedList(list, recentWork, recentRow);
  const update = () => {
    nothing.hidden = recentWork().length > 0;
    fill();
  };
  update();
  const stop = onRecent(update);
  const clock = setInterval(update, 30_000); // "3 min ago" goes on
  return { element: section, stop: () => (clearInterval(clock), stop()) };
}

function recentRow(first) {
  const about = h("small", { class: "soft" });
  const state = h("span", { class: "state" });
  const bar = h("span", { class: "portions", "aria-hidden": "true" });
  const link = h("a", { class: "name", href: addressOf(first.id) }, first.name);
  const remove = button(t("remove", { name: first.name }), () => dropRecent(first.id), { drawing: "close", bare: true });
  const element = h("li", {}, h("div", { class: "who" }, link, about), bar, state, remove);
  const update = (entry) => {
    const facts = [entry.total > 1 && t("pages", { n: entry.total }), entry.size && fileSize(entry.size), ago(entry.sent)];
    setText(about, facts.filter(Boolean).join(" · "));
    setText(state, stateWords(entry));
    state.title = entry.code ? problemWords({ code: entry.code, message: entry.error }) : "";
    element.classList.toggle("bad", entry.status === "failed" || (!isOpen(entry) && entry.failed > 0));
    showPortions(bar, entry);
  };
  return { element, update };
}

function stateWords(entry) {
  if (entry.status === "gone") return t("gone_short");
  if (entry.status === "failed") return t(entry.code === "cancelled" ? "state_cancelled" : "state_failed");
  if (isOpen(entry) && entry.total > 1) return t("partly_read", { done: entry.completed, total: entry.total });
  return entry.status === "completed" && entry.failed ? t("problems", { n: entry.failed }) : t(`state_${entry.status}`);
}

/** How much of it is read, failed and open, as parts of a bar. */
function showPortions(bar, { status, total, completed, failed }) {
  const open = isOpen({ status }) ? total - completed - failed : 0;
  const parts = [["completed", completed], ["failed", failed], [total === 1 ? status : "pending", open]];
  const now = JSON.stringify([status, parts]);
  if (bar.dataset.shown === now) return;
  bar.dataset.shown = now;
  const gone = status === "gone";
  bar.replaceChildren(...parts.filter(([, count]) => count && !gone).map(([kind, count]) => h("i", { "data-kind": kind, style: { "flex-grow": String(count) } })));
}
