// The pages as a list, of which only rows that change are touched; as a strip for the eye and the pointer; one after the other.

import { kindOf } from "./document_model.js";
import { button, h, setText, tabs } from "./dom.js";
import { addressOf } from "./recent.js";
import { duration, number, t } from "./words.js";

const MOST_CELLS = 150;
const WORST = ["failed", "doubtful", "processing", "pending", "completed"];

export function pageList(model, turn) {
  const rows = new Map(model.pages.map((page) => [page.page, pageRow(model.id, page, turn)]));
  const list = h("ol.pages", [...rows.values()].map(({ element }) => element));
  const [[all, problems], filter] = tabs(["all", "problems"], (shown) => (list.dataset.shown = shown));
  let here = null;
  const change = (numbers) => {
    for (const page of numbers) rows.get(page)?.update();
    setText(all, `${t("tab_all")} ${number(model.pages.length)}`);
    setText(problems, `${t("tab_problems")} ${number(model.problems)}`);
  };
  const mark = (page) => {
    here?.removeAttribute("aria-current");
    here = rows.get(page).link;
    here.setAttribute("aria-current", "page");
    here.scrollIntoView({ block: "nearest" });
  };
  filter("all");
  change([]);
  return { element: h("nav.page-list", { "aria-label": t("tab_pages") }, h("div.bar", all, problems), list), change, mark };
}

function pageRow(id, page, turn) {
  const choose = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab or window
    event.preventDefault();
    turn(page.page);
  };
  const state = h("span.page-state");
  const link = h("a", { href: addressOf(id, page.page), onclick: choose }, h("span.page-number", t("page", { n: page.page })), state);
  const element = h("li", link);
  const update = () => {
    const kind = kindOf(page);
    element.dataset.kind = kind;
    setText(state, kind === "completed" && page.seconds?.read ? duration(page.seconds.read) : t(`state_${kind}`));
  };
  update();
  return { element, link, update };
}

export function pageStrip({ pages }, turn) {
  const perCell = Math.ceil(pages.length / MOST_CELLS);
  const cells = [];
  for (let at = 0; at < pages.length; at += perCell) {
    const some = pages.slice(at, at + perCell);
    cells.push([h("i", { onclick: () => turn(some[0].page) }), some]);
  }
  const update = (here) => {
    for (const [cell, some] of cells) {
      const kinds = some.map(kindOf);
      cell.dataset.kind = WORST.find((kind) => kinds.includes(kind));
      cell.classList.toggle("here", some.some(({ page }) => page === here));
    }
  };
  return { element: h("div.strip", { "aria-hidden": "true" }, cells.map(([cell]) => cell)), update };
}

export function pageTurner({ pages }, turn) {
  const words = h("span.page-words");
  let at = 0;
  const step = (by) => pages[at + by] && turn(pages[at + by].page);
  const previous = button(t("previous_page"), () => step(-1), "back", "bare");
  const next = button(t("next_page"), () => step(1), "forward", "bare");
  const update = (number) => {
    at = pages.findIndex(({ page }) => page === number);
    setText(words, t("page_of", { n: number, total: pages.at(-1).page }));
    previous.disabled = at === 0;
    next.disabled = at === pages.length - 1;
  };
  return { elements: [previous, words, next], update, step };
}
