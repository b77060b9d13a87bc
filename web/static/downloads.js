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
const MOST_TRIES = 120;

const formats = () => ORDER.filter((format) => service.index?.formats.includes(format));

/** The button and what it opens. `current()`: the page that is looked at, as { page, task_id }, or null for a single page;
 *  `name()`: of the whole. */
export function downloadMenu(id, current, name) {
  const panel = h("div", { class: "menu", id: "downloads", popover: "auto" });
  const opener = button(t("download"), () => {}, { drawing: "download", popovertarget: "downloads" });
  panel.addEventListener("beforetoggle", (event) => event.newState === "open" && fill(panel, { id, name: name(), page: current() }, opener));
  return [opener, panel];
}

function fill(panel, { id, name, page }, opener) {
  const state = { id, stem: "" };
  const command = h("code", {});
  const list = h("ul", {});
  const show = () => {
    command.textContent = resultCommand(state.id, "format=md");
    list.replaceChildren(...formats().map((format) => h("li", {}, link(state, format, panel))));
  };
  const scope = (of, words, stem) =>
    h("label", {}, h("input", { type: "radio", name: "scope", checked: of === id, onchange: () => (Object.assign(state, { id: of, stem }), show()) }), h("span", {}, t(words)));
  show();
  const scopes = page ? h("div", { class: "choices", role: "radiogroup", "aria-label": t("download") }, scope(id, "whole_document", ""), scope(page.task_id, "this_page", `${name.replace(/\.\w+$/, "")} ${page.page}`)) : null;
  const terminal = h("div", { class: "menu-command" }, command, button(t("copy_command"), () => copy(command.textContent), { drawing: "copy", bare: true }));
  panel.replaceChildren(...[scopes, list, terminal].filter(Boolean));
  const place = opener.getBoundingClientRect();
  panel.style.setProperty("--top", `${place.bottom + 6}px`);
  panel.style.setProperty("--right", `${document.documentElement.clientWidth - place.right}px`);
}

function link({ id, stem }, format, panel) {
  const path = `ocr/${id}/result?format=${format}`;
  const save = (event) => {
    event.preventDefault();
    panel.hidePopover();
    saveResult(path, stem);
  };
  return h("a", { href: root + path, download: "", onclick: save }, h("span", {}, t(`format_${format}`)), h("code", {}, `.${format === "text" || format === "raw" ? "txt" : format === "chunks" ? "json" : format}`));
}

/** Fetches a result and saves it under the name that the service gives it, or another one with its suffix. */
export async function saveResult(path, stem = "") {
  try {
    const { file, name } = await ready(path);
    const address = URL.createObjectURL(file);
    h("a", { href: address, download: stem ? stem + name.slice(name.indexOf(".")) : name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  } catch (error) {
    note(problemWords(error.code, error.message));
  }
}

/** The result, once the service has made it: { file, name }. */
async function ready(path) {
  for (let tries = 0; ; tries += 1) {
    const { pause, ...made } = await answered(ask(path, fileOf));
    if (!pause || tries === MOST_TRIES) return made;
    if (tries === 0) note(t("being_made"));
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
