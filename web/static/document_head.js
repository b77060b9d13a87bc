// The head of a document: its name, how far it is, for how long it is kept, and what can be done with it.

import { askJson } from "./api.js";
import { note } from "./announce.js";
import { copy } from "./clipboard.js";
import { button, h, setText } from "./dom.js";
import { downloadMenu } from "./downloads.js";
import { wholeText } from "./page_text.js";
import { dropRecent, recentEntry } from "./recent.js";
import { ago, duration, fileSize, problemWords, t } from "./words.js";

/** The head: { element, update }. `looked`: the page that is looked at; `changed`: something was done that changes how it stands. */
export function documentHead(model, strip, { looked, changed }) {
  const name = h("h1", {});
  const facts = h("p", { class: "facts" });
  const cancel = button(t("cancel"), () => act("POST", `ocr/${model.id}/cancel`, "cancelled", changed), { drawing: "close" });
  const forget = button(t("delete"), () => confirm(t("delete_sure")) && act("DELETE", `ocr/${model.id}`, "deleted", () => (dropRecent(model.id), (location.hash = "#/"))), { kind: "quiet" });
  const copyAll = button(t("copy_all"), () => copy(wholeText(model.id)), { drawing: "copy" });
  const [download, menu] = downloadMenu(model.id, () => (model.isDocument && looked()?.status === "completed" ? looked().page : 0));
  const element = h("header", { class: "document-head" }, h("div", { class: "about" }, name, facts), h("div", { class: "actions" }, cancel, forget, copyAll, download, menu), strip);
  const update = () => {
    setText(name, nameOf(model));
    document.title = `${nameOf(model)} – ocr-celery`;
    const shown = factsOf(model);
    if (facts.dataset.shown !== JSON.stringify(shown)) {
      facts.dataset.shown = JSON.stringify(shown);
      facts.replaceChildren(...shown.map(([words, kind]) => h("span", { class: kind }, words)));
    }
    cancel.hidden = model.final;
    forget.hidden = !model.final;
    const hasText = model.counts.completed > 0;
    copyAll.hidden = !hasText;
    download.hidden = !(hasText && model.final);
  };
  return { element, update };
}

/** What people know it by: the name that was sent, else the last part of its address. */
export function nameOf(model) {
  return model.task?.source || recentEntry(model.id)?.name || model.id.slice(0, 8);
}

function factsOf(model) {
  const { total, completed, failed } = model.counts;
  const { status, code, created_at: sent } = model.task;
  const facts = [];
  if (model.isDocument) facts.push([t("partly_read", { done: completed, total }), ""]);
  else facts.push([t(code === "cancelled" ? "state_cancelled" : `state_${status}`), status === "failed" ? "bad" : ""]);
  if (model.isDocument && failed) facts.push([t("problems", { n: failed }), "bad"]);
  if (model.secondsLeft !== null && !model.final) facts.push([t("left_about", { time: duration(model.secondsLeft) }), ""]);
  if (status === "pending" && model.task.position) facts.push([t("waiting_position", { n: model.task.position }), ""]);
  const size = recentEntry(model.id)?.size;
  if (size) facts.push([fileSize(size), "wide"]);
  facts.push([t("sent_ago", { ago: ago(sent) }), "wide"]);
  if (model.secondsKept !== null) facts.push([t("kept_for", { time: duration(model.secondsKept) }), "wide"]);
  return facts;
}

async function act(method, path, words, then) {
  try {
    await askJson(path, { method });
    note(t(words));
    then();
  } catch (error) {
    note(problemWords(error));
  }
}
