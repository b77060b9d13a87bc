// A document: its pages, the picture of one, and its text. It opens while pages are still being read.

import { say } from "./announce.js";
import { learnService, service } from "./api.js";
import { poll } from "./changes.js";
import { documentHead, nameOf } from "./document_head.js";
import { DocumentModel } from "./document_model.js";
import { fill, h, isNarrow, tabs } from "./dom.js";
import { pageList, pageStrip, pageTurner } from "./page_list.js";
import { pagePicture } from "./page_picture.js";
import { addRecent, addressOf, factsOf, recentEntry, updateRecent } from "./recent.js";
import { readAgain } from "./sending.js";
import { notice, textPane } from "./text_pane.js";
import { problemWords, t } from "./words.js";

const SAID_EVERY = 5000; // ms

/** `wanted`: the page of the address, 0 for the first that is read. */
export function documentView(id, wanted) {
  const model = new DocumentModel(id);
  const element = h("div.document", h("p.calm", "…"));
  let parts = null;
  let number = wanted;
  let isChosen = wanted > 0;
  let said = 0;

  const look = async () => {
    try {
      if (!service.index) await learnService(); // what pictures and formats there are
      const { changed, isNew, moved } = await model.refresh();
      if (!element.isConnected) return "done";
      noteRecent(model);
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
    fill(element, h("h1.unseen", t("gone_short")), notice("doubt", words), h("p.calm", h("a.button", { href: "#/" }, t("all_documents"))));
  };

  const build = () => {
    parts?.stop();
    parts = makeParts(model, element, turn, () => askNow());
    element.classList.toggle("alone", !model.isDocument);
    turn(firstPage(), false);
  };

  const firstPage = () => {
    if (isChosen && model.byNumber.has(number)) return number;
    return (model.pages.find((page) => page.status === "completed") ?? model.pages[0]).page;
  };

  const change = (numbers) => {
    parts.update(number, numbers);
    const isUnread = model.byNumber.get(number).status !== "completed";
    if (!isChosen && isUnread && firstPage() !== number) turn(firstPage(), false);
    else if (numbers.includes(number)) parts.show(model.byNumber.get(number));
  };

  const tell = () => {
    const { total, completed, failed } = model.counts;
    if (total < 2 || (!model.final && Date.now() - said < SAID_EVERY)) return;
    said = Date.now();
    say([t("partly_read", { done: completed, total }), failed && t("problems", { n: failed })].filter(Boolean).join(", "));
  };

  function turn(to, byHand = true) {
    isChosen ||= byHand;
    number = to;
    if (byHand) history.replaceState(null, "", addressOf(id, to)); // without a step for each page
    parts.update(to, []);
    parts.list.mark(to);
    parts.show(model.byNumber.get(to));
  }

  const askNow = poll(look, { element });
  return {
    element,
    turn: (to) => model.byNumber.has(to) && to !== number && turn(to),
    keys: () => parts?.keys ?? {},
    stop: () => parts?.stop(),
  };
}

/** One that was opened by its address is listed from then on. */
function noteRecent(model) {
  const { id, task } = model;
  const facts = factsOf(task);
  if (recentEntry(id)) updateRecent(id, facts);
  else addRecent({ id, name: nameOf(model), sent: task.created_at, ...facts });
}

function makeParts(model, element, turn, reload) {
  let page = null;
  const blocks = linkBlocks(element, (side) => showSide(side));
  const picture = pagePicture(model.id);
  const onBlocks = (of, found) => {
    blocks.hold(null);
    picture.show(of, found);
  };
  const text = textPane({ onBlocks, cut: picture.cut, again: (of) => readAgain(model, of), position: () => model.task.position });
  const strip = pageStrip(model, turn);
  const list = pageList(model, (number) => (turn(number), showSide("text")));
  const head = documentHead(model, strip.element, () => page, reload);
  const turners = [pageTurner(model, turn), pageTurner(model, turn)];
  const [sides, showSide] = tabs(["text", "page", "pages"], (side) => (element.dataset.side = side));
  showSide(element.dataset.side ?? "text");
  const bar = h("div.bar", model.isDocument && turners[0].elements, h("span.grow"), picture.buttons);
  fill(
    element,
    head.element,
    h("div.sides", { role: "group", "aria-label": t("view") }, sides), // on a phone
    list.element,
    h("section.picture", { "aria-label": t("tab_page") }, bar, picture.element),
    text.element,
    h("div.foot", turners[1].elements),
  );
  const { step } = turners[0];
  return {
    list,
    keys: { "[": () => step(-1), "]": () => step(1), b: () => document.getElementById("boxes").click(), ...blocks.keys },
    stop: () => (picture.stop(), blocks.stop()),
    show: (one) => {
      page = one;
      text.show(page);
    },
    update: (number, changed) => {
      head.update();
      strip.update(number);
      list.change(changed);
      turners.forEach((turner) => turner.update(number));
    },
  };
}

/** Links the text and the boxes of blocks: what one points at lights up in both, what is held stays so. */
function linkBlocks(element, showSide) {
  const end = new AbortController();
  let held = null;
  const all = () => [...element.querySelectorAll(".block")];
  const mark = (name, index) => element.querySelectorAll("[data-block]").forEach((one) => one.classList.toggle(name, one.dataset.block === index));
  const light = (index) => mark("lit", index ?? held);
  const hold = (index) => {
    held = index;
    mark("held", held);
    light();
  };
  const reveal = (kind) => element.querySelector(`.${kind}[data-block="${held}"]`)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  const pointed = ({ target }) => target.closest?.("[data-block]");
  const pick = (event) => {
    const index = pointed(event)?.dataset.block;
    const isShow = event.target.closest(".on-phone");
    if (!index || (!isShow && (event.target.closest("a, button") || !getSelection().isCollapsed))) return;
    const isBox = event.target.closest(".box");
    if (isBox) showSide("text");
    if (isShow) showSide("page");
    hold(isNarrow() && held === index && !isBox && !isShow ? null : index);
    reveal(isBox ? "block" : "box");
  };
  const listen = (name, act) => element.addEventListener(name, act, { signal: end.signal });
  listen("pointerover", (event) => event.pointerType !== "touch" && light(pointed(event)?.dataset.block));
  listen("pointerleave", () => light());
  listen("focusin", (event) => light(pointed(event)?.dataset.block));
  listen("click", pick);
  const walk = (by) => {
    const at = all().indexOf(document.activeElement.closest(".block"));
    const next = all()[at < 0 && by < 0 ? all().length - 1 : at + by];
    if (!next) return;
    next.focus();
    hold(next.dataset.block);
    reveal("box");
  };
  const release = () => {
    document.activeElement.closest(".block")?.blur();
    hold(null);
  };
  const copyHeld = () => element.querySelector(`.block[data-block="${held}"] .bare:not(.on-phone)`)?.click();
  return { hold, stop: () => end.abort(), keys: { j: () => walk(1), k: () => walk(-1), c: copyHeld, Escape: release } };
}
