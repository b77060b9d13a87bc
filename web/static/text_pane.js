// The text of a page: as it is read, as markdown, as JSON; and why there is none, where there is none.

import { copy } from "./clipboard.js";
import { blockList } from "./blocks.js";
import { button, h, icon, mark, scrolling } from "./dom.js";
import { pageBlocks, pageJson, pageText } from "./page_text.js";
import { recall, remember } from "./preferences.js";
import { duration, hasWords, problemWords, t } from "./words.js";

const FORMS = ["text", "md", "json"];

/** The pane: { element, show, light, hold, … }. `actions`: those of blocks, and `onBlocks`, `readAgain(page)`. */
export function textPane(actions) {
  const state = { form: recall("text_form", "text"), page: null, turn: 0 };
  if (!FORMS.includes(state.form)) state.form = "text";
  const tabs = FORMS.map((form) => h("button", { type: "button", role: "tab", class: "tab", id: `form-${form}`, "aria-controls": "text-panel", onclick: () => choose(form) }, t(`tab_${form}`)));
  const copyButton = button(t("copy"), () => copy(wanted()), { drawing: "copy", kind: "quiet" });
  const panel = h("div", { class: "text-panel", id: "text-panel", role: "tabpanel", tabindex: "0" });
  const element = h("section", { class: "text-pane", "aria-label": t("tab_text") }, h("div", { class: "bar" }, h("div", { class: "tabs", role: "tablist", "aria-label": t("view"), onkeydown: moveBetweenTabs }, tabs), h("span", { class: "grow" }), copyButton), panel);

  const wanted = () => (state.form === "json" ? pageJson(state.page.task_id) : pageText(state.page.task_id, state.form));

  function choose(form) {
    state.form = form;
    remember("text_form", form);
    show(state.page);
  }

  async function show(page) {
    const turn = (state.turn += 1);
    const isSame = state.page === page && panel.dataset.shown === `${page.page} ${state.form} ${page.status}`;
    state.page = page;
    markTabs(tabs, state.form, panel);
    copyButton.disabled = page.status !== "completed";
    if (isSame) return;
    if (page.status !== "completed") return put(page, withoutText(page, actions), []);
    try {
      const found = await pageBlocks(page.task_id);
      const source = state.form === "text" ? null : await wanted();
      if (turn !== state.turn) return; // another page was turned to meanwhile
      Object.assign(page, { width: found.width || page.width, height: found.height || page.height });
      actions.onBlocks(page, found.blocks);
      put(page, source === null ? readable(page, found, actions) : h("pre", { class: "source" }, source), found.blocks);
    } catch (error) {
      if (turn === state.turn) put(page, notice("bad", problemWords(error), error.code), []);
    }
  }

  function put(page, content, blocks) {
    if (page.status !== "completed") actions.onBlocks(page, blocks);
    panel.replaceChildren(...[content].flat().filter(Boolean));
    panel.scrollTop = 0;
    panel.dataset.shown = `${page.page} ${state.form} ${page.status}`;
  }

  const block = (index) => panel.querySelector(`.block[data-block="${index}"]`);
  return {
    element,
    show,
    panel,
    light: (index) => mark(panel, index, "lit"),
    hold: (index) => mark(panel, index, "held"),
    reveal: (index) => block(index)?.scrollIntoView({ block: "nearest", behavior: scrolling() }),
  };
}

function moveBetweenTabs(event) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step) return;
  const tabs = [...event.currentTarget.children];
  const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
  next.focus();
  next.click();
}

function markTabs(tabs, form, panel) {
  for (const tab of tabs) {
    const chosen = tab.id === `form-${form}`;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
  }
  panel.setAttribute("aria-labelledby", `form-${form}`);
}

/** A sentence that must be seen, with its code, and what can be done. */
export function notice(kind, words, code = "", action = null) {
  return h("div", { class: `notice ${kind}` }, icon("alert"), h("div", {}, h("p", {}, words), code && h("code", {}, code)), action);
}

function withoutText(page, { readAgain, position }) {
  if (page.status === "failed") {
    const words = [t("failed_here"), problemWords({ code: page.code, message: page.error })].join(" ");
    return notice("bad", words, page.code, button(t("read_again"), () => readAgain(page)));
  }
  const place = page.status === "pending" ? position() : null;
  const words = [t(page.status === "pending" ? "waiting_here" : "reading_here"), place ? t("waiting_position", { n: place }) : ""];
  return h("div", { class: "calm" }, icon("wait"), words.filter(Boolean).map((line) => h("p", {}, line)));
}

function readable(page, found, actions) {
  const verdict = found.verdict ?? page.verdict;
  const again = verdict !== "unsure" && button(t("read_again"), () => actions.readAgain(page)); // it would be read the same
  const doubt = verdict && hasWords(`verdict_${verdict}`) && notice("doubt", t(`verdict_${verdict}`), verdict, again);
  const hasText = found.blocks.some((block) => block.text || block.boxes.length);
  const details = [];
  if (found.source === "text_layer") details.push(t("text_layer_here"));
  else if (hasText && !found.blocks.some((block) => block.boxes.length)) details.push(t("no_boxes"));
  if (page.seconds && page.seconds.read) details.push(duration(page.seconds.read));
  return [
    doubt,
    hasText ? blockList(found.blocks, actions) : !doubt && h("div", { class: "calm" }, h("p", {}, t("empty_text"))),
    details.length > 0 && h("p", { class: "soft small page-facts" }, details.join(" · ")),
  ];
}
