// The head of a document: its name, how it stands, what can be done with it. A result is a link that can be copied; a click waits
// while the service makes it.

import { copy, note } from "./announce.js";
import { ask, root, service } from "./api.js";
import { resultCommand } from "./commands.js";
import { wholeText } from "./document_model.js";
import { button, fill, h, setText } from "./dom.js";
import { dropRecent, recentEntry } from "./recent.js";
import { ago, duration, fileSize, problemWords, t } from "./words.js";

/** `looked()`: the page that is looked at; `changed()`: something was done. */
export function documentHead(model, strip, looked, changed) {
  const { id } = model;
  const name = h("h1");
  const facts = h("p.facts");
  const cancel = button(t("cancel"), () => act("POST", `ocr/${id}/cancel`, "cancelled", changed), "close");
  const leave = () => (dropRecent(id), (location.hash = "#/"));
  const remove = button(t("delete"), () => confirm(t("delete_sure")) && act("DELETE", `ocr/${id}`, "deleted", leave), "", "quiet");
  const copyAll = button(t("copy_all"), () => copy(wholeText(id)), "copy");
  const [download, menu] = downloadMenu(id, () => (model.isDocument && looked().status === "completed" ? looked().page : 0));
  const update = () => {
    setText(name, nameOf(model));
    document.title = `${nameOf(model)} – ocr-celery`;
    const shown = factsOf(model).filter(([words]) => words);
    if (facts.dataset.shown !== String(shown)) fill(facts, shown.map(([words, kind]) => h("span", { class: kind }, words)));
    facts.dataset.shown = shown;
    cancel.hidden = model.final;
    remove.hidden = !model.final;
    copyAll.hidden = !model.counts.completed;
    download.hidden = copyAll.hidden || !model.final;
  };
  return { element: h("header.document-head", h("div.about", name, facts), h("div.actions", cancel, remove, copyAll, download, menu), strip), update };
}

export const nameOf = ({ id, task }) => task.source || recentEntry(id)?.name || id.slice(0, 8);

function factsOf({ id, task, counts, isDocument, final, secondsLeft, secondsKept }) {
  const { status, code, created_at: sent, position } = task;
  const { total, completed, failed } = counts;
  const size = recentEntry(id)?.size;
  const alone = [t(code === "cancelled" ? "state_cancelled" : `state_${status}`), status === "failed" ? "bad" : ""];
  return [
    isDocument ? [t("partly_read", { done: completed, total })] : alone,
    [isDocument && failed && t("problems", { n: failed }), "bad"],
    [!final && secondsLeft !== null && t("left_about", { time: duration(secondsLeft) })],
    [status === "pending" && position && t("waiting_position", { n: position })],
    [size && fileSize(size), "wide"],
    [t("sent_ago", { ago: ago(sent) }), "wide"],
    [final && t("kept_for", { time: duration(secondsKept) }), "wide"],
  ];
}

async function act(method, path, words, then) {
  try {
    await ask(path, () => null, { method });
    note(t(words));
    then();
  } catch (error) {
    note(problemWords(error));
  }
}

const ORDER = ["md", "text", "html", "docx", "pdf", "xlsx", "csv", "json", "chunks", "raw", "zip"];
const OF_THE_WHOLE = ["docx", "pdf", "zip"]; // they show the pages of the file, and are made of all of them only
const ENDINGS = { text: "txt", raw: "txt", chunks: "json" };

/** `current()`: the page that is looked at, 0 where there is no choice. */
function downloadMenu(id, current) {
  const panel = h("div.menu", { id: "downloads", popover: "auto", onbeforetoggle: ({ newState }) => newState === "open" && fillMenu(panel, id, current(), opener) });
  const opener = button(t("download"), null, "download", "", { popovertarget: "downloads" });
  return [opener, panel];
}

function fillMenu(panel, id, page, opener) {
  const command = h("code");
  const list = h("ul");
  const show = (only) => {
    const query = (format) => `format=${format}${only ? `&page=${only}` : ""}`;
    const offered = ORDER.filter((format) => service.index?.formats.includes(format) && !(only && OF_THE_WHOLE.includes(format)));
    command.textContent = resultCommand(id, query("md"));
    fill(list, offered.map((format) => h("li", link(`ocr/${id}/result?${query(format)}`, format, panel))));
  };
  const scope = (only, words) => h("label", h("input", { type: "radio", name: "scope", checked: !only, onchange: () => show(only) }), h("span", t(words)));
  show(0);
  fill(
    panel,
    page > 0 && h("div.choices", { role: "radiogroup", "aria-label": t("download") }, scope(0, "whole_document"), scope(page, "this_page")),
    list,
    h("div.menu-command", command, button(t("copy_command"), () => copy(command.textContent), "copy", "bare")),
  );
  const place = opener.getBoundingClientRect();
  panel.style.setProperty("--top", `${place.bottom + 6}px`);
  panel.style.setProperty("--right", `${document.documentElement.clientWidth - place.right}px`);
}

function link(path, format, panel) {
  const save = (event) => {
    event.preventDefault();
    panel.hidePopover();
    saveResult(path);
  };
  return h("a", { href: root + path, download: "", onclick: save }, h("span", t(`format_${format}`)), h("code", `.${ENDINGS[format] ?? format}`));
}

async function saveResult(path) {
  try {
    for (let isFirst = true; ; isFirst = false) {
      const { pause, file, name } = await ask(path, fileOf);
      if (!pause) return save(URL.createObjectURL(file), name);
      if (isFirst) note(t("being_made"));
      await new Promise((resume) => setTimeout(resume, pause * 1000));
    }
  } catch (error) {
    note(problemWords(error));
  }
}

function save(address, name) {
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** `pause`: seconds after which to ask again. */
async function fileOf(answer) {
  const pause = answer.status === 202 ? Number(answer.headers.get("Retry-After")) || 2 : 0;
  return { pause, file: await answer.blob(), name: fileName(answer.headers.get("Content-Disposition") ?? "") };
}

/** The name in UTF-8 before the plain one. */
function fileName(disposition) {
  const [, coded] = /filename\*=UTF-8''([^;]+)/i.exec(disposition) ?? [];
  return coded ? decodeURIComponent(coded) : (/filename="?([^";]+)"?/i.exec(disposition)?.[1] ?? "result");
}
