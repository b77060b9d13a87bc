// The start: what is sent, what was sent before, how the service stands. Rows are kept, so that focus and selection stay.

import { copy } from "./announce.js";
import { followService, service } from "./api.js";
import { sendAddressCommand, sendFileCommand } from "./commands.js";
import { button, fill, h, setText } from "./dom.js";
import { dropZone } from "./intake.js";
import { figures } from "./masthead.js";
import { followOptions, optionsForm, readingOptions } from "./reading_options.js";
import { addressOf, dropRecent, followRecent, isOpen, recentWork, watchRecent } from "./recent.js";
import { dropSending, followSending, sending } from "./sending.js";
import { ago, fileSize, number, problemWords, t } from "./words.js";

const TYPES = "PDF, TIFF, JPEG, PNG, WebP, HEIC, AVIF, GIF, BMP, JPEG 2000";

export function startView() {
  const main = h("div.start-main", h("h1", t("lead")), h("p.soft.lead", t("lead_more")), dropZone(limitsLine()), optionsForm(), sendingList(), recentList());
  watchRecent(main);
  return h("div.start", main, h("aside.start-side", { "aria-label": t("current") }, figures(), terminal()));
}

function limitsLine() {
  const line = h("p.soft.small");
  return followService(line, () => {
    if (!service.index) return;
    const { max_image_mb: image, max_document_mb: document, max_document_pages: pages } = service.index.limits;
    setText(line, t("limits_line", { types: TYPES, image, document, pages }));
  });
}

function terminal() {
  const text = h("pre", { tabindex: 0 });
  const update = () => {
    const [last] = recentWork();
    const options = readingOptions();
    setText(text, last?.url ? sendAddressCommand(last.url, options) : sendFileCommand(last?.name ?? "page.jpg", options));
  };
  followOptions(followRecent(text, update), update);
  const head = h("div.section-head", h("h2", t("terminal")), button(t("copy_command"), () => copy(text.textContent), "copy", "bare"));
  return h("section.terminal", head, text, h("p.soft.small", t("find_more")));
}

/** `row(item)` makes a row as [element, update]. */
function keyedList(list, all, row) {
  const rows = new Map();
  return () => {
    const items = new Map(all().map((item) => [item.id ?? item, item]));
    for (const [key, [element]] of rows) if (!items.has(key)) (element.remove(), rows.delete(key));
    let at = 0;
    for (const [key, item] of items) {
      if (!rows.has(key)) rows.set(key, row(item));
      const [element, update] = rows.get(key);
      update(item);
      const there = list.children[at++] ?? null;
      if (there !== element) list.insertBefore(element, there);
    }
  };
}

function sendingList() {
  const list = h("ul.work");
  const held = h("p.notice");
  const section = h("section.sending", { "aria-label": t("sending", { share: "" }) }, held, list);
  const fill = keyedList(list, sending, sendingRow);
  return followSending(section, () => {
    held.hidden = !sending("held").some((item) => item.problem.code === "queue_full");
    if (!held.hidden) setText(held, t("held_full", { n: sending("ready", "sending", "held").length }));
    section.hidden = !sending().length;
    fill();
  });
}

function rowOf(name, element, drop, ...parts) {
  return h("li", h("div.who", element, parts.shift()), parts, button(t("remove", { name }), drop, "close", "bare"));
}

function sendingRow(item) {
  const { name, size } = item;
  const [why, bar, state] = [h("small.soft"), h("progress", { max: 1, "aria-label": name }), h("span.state")];
  const element = rowOf(name, h("span.name", name), () => dropSending(item), why, bar, state);
  const update = () => {
    const isSending = item.state === "sending";
    const isRefused = item.state === "refused";
    element.classList.toggle("bad", isRefused);
    bar.hidden = !isSending;
    bar.value = item.share;
    const share = item.share ? number(item.share, { style: "percent" }) : "";
    setText(state, isSending ? t("sending", { share }) : t(isRefused ? "refused" : "held"));
    setText(why, item.problem && !isSending ? problemWords(item.problem) : size ? fileSize(size) : "");
  };
  return [element, update];
}

function recentList() {
  const list = h("ul.work");
  const nothing = h("p.soft.empty", t("no_recent"));
  const head = h("div.section-head", h("h2", t("recent")), h("p.soft.small", t("only_this_browser")));
  const section = h("section.recent", head, nothing, list);
  const fill = keyedList(list, recentWork, recentRow);
  const update = () => {
    nothing.hidden = recentWork().length > 0;
    fill();
  };
  const clock = setInterval(() => (section.isConnected ? update() : clearInterval(clock)), 30_000); // "3 min ago" goes on
  return followRecent(section, update);
}

function recentRow({ id, name }) {
  const [about, bar, state] = [h("small.soft"), h("span.portions", { "aria-hidden": "true" }), h("span.state")];
  const element = rowOf(name, h("a.name", { href: addressOf(id) }, name), () => dropRecent(id), about, bar, state);
  const update = (entry) => {
    const facts = [entry.total > 1 && t("pages", { n: entry.total }), entry.size && fileSize(entry.size), ago(entry.sent)];
    setText(about, facts.filter(Boolean).join(" · "));
    setText(state, stateWords(entry));
    state.title = entry.code ? problemWords({ code: entry.code, message: entry.error }) : "";
    element.classList.toggle("bad", entry.status === "failed" || (!isOpen(entry) && entry.failed > 0));
    showPortions(bar, entry);
  };
  return [element, update];
}

function stateWords({ status, code, total, completed, failed }) {
  if (status === "gone") return t("gone_short");
  if (code === "cancelled") return t("state_cancelled");
  if (isOpen({ status }) && total > 1) return t("partly_read", { done: completed, total });
  return status === "completed" && failed ? t("problems", { n: failed }) : t(`state_${status}`);
}

function showPortions(bar, { status, total, completed, failed }) {
  const open = isOpen({ status }) ? total - completed - failed : 0;
  const parts = { completed, failed, [total === 1 && open ? status : "pending"]: open };
  const shown = JSON.stringify([status, parts]);
  if (bar.dataset.shown === shown) return;
  bar.dataset.shown = shown;
  const some = Object.entries(parts).filter(([, count]) => count && status !== "gone");
  fill(bar, some.map(([kind, count]) => h("i", { "data-kind": kind, style: { flexGrow: count } })));
}
