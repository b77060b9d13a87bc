// A document: its pages, the picture of one page, and its text, linked to one another. It opens while pages are still being read.

import { say } from "./announce.js";
import { copy } from "./clipboard.js";
import { documentHead } from "./document_head.js";
import { DocumentModel } from "./document_model.js";
import { button, h, isNarrow, setText } from "./dom.js";
import { pageList } from "./page_list.js";
import { pagePicture } from "./page_picture.js";
import { pageStrip } from "./page_strip.js";
import { poll } from "./polling.js";
import { recall, remember } from "./preferences.js";
import { factsOf, updateRecent, addRecent, recentEntry } from "./recent.js";
import { readAgain } from "./reading_again.js";
import { turnTo } from "./router.js";
import { learnService, service } from "./service.js";
import { notice, textPane } from "./text_pane.js";
import { problemWords, t } from "./words.js";

const SAID_EVERY = 5000; // ms

/** The view: { element, stop, keys, turn }. `wanted`: the page of the address, 0 for the first that is read. */
export function documentView(id, wanted) {
  const model = new DocumentModel(id);
  const state = { page: wanted, chosen: wanted > 0, held: null, blocks: [], said: 0, side: "text" };
  const element = h("div", { class: "document" }, h("p", { class: "calm" }, "…"));
  let parts = null;

  const look = async () => {
    try {
      if (!service.index) await learnService(); // what pictures and formats there are
      const { changed, isNew, moved } = await model.refresh();
      note(model);
      if (isNew) build();
      else change(changed);
      tell();
      return model.final ? "done" : moved ? "moved" : "same";
    } catch (error) {
      if (![404, 410, 422].includes(error.status)) throw error;
      showGone(error);
      return "done";
    }
  };

  const showGone = (error) => {
    updateRecent(id, { status: "gone" });
    const words = error.status === 404 || error.code === "result_expired" ? t("gone") : problemWords(error);
    element.replaceChildren(h("h1", { class: "unseen" }, t("gone_short")), notice("doubt", words), h("p", { class: "calm" }, h("a", { href: "#/", class: "button" }, t("all_documents"))));
  };

  const build = () => {
    parts?.picture.stop();
    parts = makeParts(model, state, { turn, reload: () => asking.now() });
    element.classList.toggle("several", model.isDocument);
    element.dataset.side = state.side;
    element.replaceChildren(...parts.elements);
    parts.head.update();
    parts.strip.draw();
    parts.list.draw();
    turn(firstPage(), false);
  };

  const firstPage = () => {
    if (state.chosen && model.byNumber.has(state.page)) return state.page;
    return (model.pages.find((page) => page.status === "completed") ?? model.pages[0]).page;
  };

  const change = (numbers) => {
    parts.head.update();
    parts.strip.change(numbers);
    parts.list.change(numbers);
    const isUnread = model.byNumber.get(state.page).status !== "completed";
    if (!state.chosen && isUnread && firstPage() !== state.page) turn(firstPage(), false);
    else if (numbers.includes(state.page)) parts.showPage();
  };

  const tell = () => {
    const { total, completed, failed } = model.counts;
    if (total < 2 || (!model.final && Date.now() - state.said < SAID_EVERY)) return;
    state.said = Date.now();
    say(t("spoken", { done: completed + failed, total }));
  };

  function turn(number, chosen = true) {
    state.chosen ||= chosen;
    state.page = number;
    state.held = null;
    if (chosen) turnTo(id, number);
    parts.strip.mark(number);
    parts.list.mark(number);
    parts.showPage();
  }

  const step = (by) => {
    const at = model.pages.findIndex((page) => page.page === state.page) + by;
    if (model.pages[at]) turn(model.pages[at].page);
  };

  const asking = poll(look);
  const keys = { "[": () => step(-1), "]": () => step(1) };
  return {
    element,
    turn: (number) => model.byNumber.has(number) && number !== state.page && turn(number),
    keys: () => (parts ? { ...keys, ...parts.keys } : {}),
    stop: () => (asking.stop(), parts?.picture.stop()),
  };
}

/** Keeps what this browser knows of it up to date; one that was opened by its address is listed from then on. */
function note(model) {
  const facts = factsOf(model.task);
  if (recentEntry(model.id)) updateRecent(model.id, facts);
  else addRecent({ id: model.id, name: model.task.source || model.id.slice(0, 8), size: 0, sent: model.task.created_at, url: "", options: {}, ...facts });
}

function makeParts(model, state, { turn, reload }) {
  const page = () => model.byNumber.get(state.page);
  const light = (index) => {
    picture.light(index ?? state.held);
    text.light(index ?? state.held);
  };
  const hold = (index) => {
    state.held = index;
    text.hold(index);
    light(index);
  };
  const fromText = (index) => (hold(isNarrow() && state.held === index ? null : index), picture.reveal(index));
  const fromPicture = (index) => {
    hold(index);
    side("text");
    text.reveal(index);
  };
  const showOnPage = (index) => {
    side("page");
    hold(index);
    picture.reveal(index);
  };
  const onBlocks = (of, blocks) => {
    if (of !== page()) return;
    state.blocks = blocks;
    state.held = null;
    picture.show(of, blocks);
  };
  const picture = pagePicture(model.id, { onPick: fromPicture, onHover: light });
  const text = textPane({ onPick: fromText, onHover: light, onReveal: showOnPage, onBlocks, picture, readAgain: (of) => readAgain(model, of), position: () => model.task.position });
  const strip = pageStrip(model, turn);
  const list = pageList(model, (number) => (turn(number), side("text")));
  const head = documentHead(model, strip.element, { looked: page, changed: reload });
  const [bar, showBar] = pictureBar(model, state, picture, turn);
  const [turner, showFoot] = pageTurner(model, state, turn);
  const foot = h("div", { class: "foot" }, turner); // on a phone
  const [sides, side] = sideTabs(state);
  const pictureSection = h("section", { class: "picture", "aria-label": t("tab_page") }, bar, picture.element);
  const showPage = () => {
    showBar();
    showFoot();
    text.show(page());
  };
  const keys = blockKeys(text, state, hold, picture);
  return { head, strip, list, picture, showPage, keys, elements: [head.element, sides, list.element, pictureSection, text.element, foot] };
}

/** J and K walk through the blocks, C copies the one that is held, B shows or hides the boxes. */
function blockKeys(text, state, hold, picture) {
  const walk = (by) => {
    const blocks = [...text.panel.querySelectorAll(".block")];
    const at = blocks.indexOf(document.activeElement?.closest(".block"));
    const next = blocks[at < 0 ? (by > 0 ? 0 : blocks.length - 1) : at + by];
    if (!next) return;
    next.focus();
    hold(Number(next.dataset.block));
    picture.reveal(state.held);
  };
  const release = () => {
    hold(null);
    document.activeElement?.closest(".block")?.blur();
  };
  return { j: () => walk(1), k: () => walk(-1), b: () => document.getElementById("boxes")?.click(), c: () => state.held !== null && copy(state.blocks[state.held].text), Escape: release };
}

/** Turns to the page before and after: [elements, update]. */
function pageTurner(model, state, turn) {
  const words = h("span", { class: "page-words" });
  const at = () => model.pages.findIndex((page) => page.page === state.page);
  const step = (name, by, drawing) => button(t(name), () => turn(model.pages[at() + by].page), { drawing, bare: true });
  const [previous, next] = [step("previous_page", -1, "back"), step("next_page", 1, "forward")];
  const update = () => {
    setText(words, t("page_of", { n: state.page, total: model.pages.at(-1).page }));
    previous.disabled = at() <= 0;
    next.disabled = at() >= model.pages.length - 1;
  };
  return [[previous, words, next], update];
}

function pictureBar(model, state, picture, turn) {
  const zoom = button(t("fit_width"), () => {
    const wide = zoom.dataset.zoom !== "width";
    zoom.dataset.zoom = wide ? "width" : "page";
    setText(zoom.querySelector("span"), t(wide ? "fit_page" : "fit_width"));
    picture.zoom(zoom.dataset.zoom);
  }, { kind: "quiet" });
  const boxes = button(t("boxes"), () => show(!recall("boxes", true)), { drawing: "boxes", kind: "quiet", id: "boxes" });
  const show = (on) => {
    remember("boxes", on);
    boxes.setAttribute("aria-pressed", String(on));
    picture.element.classList.toggle("no-boxes", !on);
  };
  show(recall("boxes", true));
  const [turner, update] = pageTurner(model, state, turn);
  return [h("div", { class: "bar" }, model.isDocument && turner, h("span", { class: "grow" }), zoom, boxes), update];
}

/** On a phone: which of the three is shown. */
function sideTabs(state) {
  const bar = h("div", { class: "sides", role: "group", "aria-label": t("view") });
  const show = (side) => {
    state.side = side;
    const view = bar.closest(".document");
    if (view) view.dataset.side = side;
    for (const tab of bar.children) tab.setAttribute("aria-pressed", String(tab.dataset.side === side));
  };
  bar.append(...["text", "page", "pages"].map((side) => h("button", { type: "button", class: "tab", "data-side": side, onclick: () => show(side) }, t(`tab_${side}`))));
  show(state.side);
  return [bar, show];
}
