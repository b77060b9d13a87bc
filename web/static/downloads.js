// Everything that a result can be downloaded as. Each is a link to the API, so that it can be copied; a click fetches it, waits while
// the service makes it, and says what is wrong where there is nothing to save.

import { ask, root } from "./api.js";
import { note, say } from "./announce.js";
import { copy } from "./clipboard.js";
import { resultCommand } from "./commands.js";
import { button, h } from "./dom.js";
import { answered, service } from "./service.js";
import { problemWords, t } from "./words.js";

const ORDER = ["md", "text", "html", "docx", "pdf", "xlsx", "csv", "json", "chunks", "raw", "zip"];
const OF_THE_WHOLE = ["docx", "pdf", "zip"]; // they show the pages of the file, and are made of all of them only

const formats = (page) => ORDER.filter((format) => service.index?.formats.includes(format) && !(page && OF_THE_WHOLE.includes(format)));

/** The button and what it opens. `current()`: the number of the page that is looked at, 0 where there is no choice. */
export function downloadMenu(id, current) {
  const panel = h("div", { class: "menu", id: "downloads", popover: "auto" });
  const opener = button(t("download"), () => {}, { drawing: "download", popovertarget: "downloads" });
  panel.addEventListener("beforetoggle", (event) => event.newState === "open" && fill(panel, id, current(), opener));
  return [opener, panel];
}

function fill(panel, id, page, opener) {
  const command = h("code", {});
  const list = h("ul", {});
  const show = (only) => {
    command.textContent = resultCommand(id, query("md", only));
    list.replaceChildren(...formats(only).map((format) => h("li", {}, link(`ocr/${id}/result?${query(format, only)}`, format, panel))));
  };
  const scope = (only, words) =>
    h("label", {}, h("input", { type: "radio", name: "scope", checked: !only, onchange: () => show(only) }), h("span", {}, t(words)));
  show(0);
  const scopes = page ? h("div", { class: "choices", role: "radiogroup", "aria-label": t("download") }, scope(0, "whole_document"), scope(page, "this_page")) : null;
  const terminal = h("div", { class: "menu-command" }, command, button(t("copy_command"), () => copy(command.textContent), { drawing: "copy", bare: true }));
  panel.replaceChildren(...[scopes, list, terminal].filter(Boolean));
  const place = opener.getBoundingClientRect();
  panel.style.setProperty("--top", `${place.bottom + 6}px`);
  panel.style.setProperty("--right", `${document.documentElement.clientWidth - place.right}px`);
}

const query = (format, page) => `format=${format}${page ? `&page=${page}` : ""}`;

function link(path, format, panel) {
  const save = (event) => {
    event.preventDefault();
    panel.hidePopover();
    saveResult(path);
  };
  return h("a", { href: root + path, download: "", onclick: save }, h("span", {}, t(`format_${format}`)), h("code", {}, `.${format === "text" || format === "raw" ? "txt" : format === "chunks" ? "json" : format}`));
}

/** Fetches a result and saves it under the name that the service gives it. */
export async function saveResult(path) {
  try {
    const { file, name } = await ready(path);
    const address = URL.createObjectURL(file);
    h("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  } catch (error) {
    note(problemWords(error));
  }
}

/** The result, once the service has made it, however long that takes: { file, name }. */
async function ready(path) {
  for (let isFirst = true; ; isFirst = false) {
    const { pause, ...made } = await answered(ask(path, fileOf));
    if (!pause) return made;
    if (isFirst) note(t("being_made"));
    else say(t("being_made"));
    await new Promise((resume) => setTimeout(resume, pause * 1000));
  }
}

/** What is saved of an answer; `pause`: seconds after which to ask again, 0 where it is there. */
async function fileOf(answer) {
  const pause = answer.status === 202 ? Number(answer.headers.get("Retry-After")) || 2 : 0;
  return { pause, file: await answer.blob(), name: fileName(answer.headers.get("Content-Disposition")) };
}

/** The name in a Content-Disposition, the one in UTF-8 before the plain one. */
export function fileName(disposition) {
  const coded = /filename\*=UTF-8''([^;]+)/i.exec(disposition ?? "");
  if (coded) return decodeURIComponent(coded[1]);
  return /filename="?([^";]+)"?/i.exec(disposition ?? "")?.[1] ?? "result";
}
