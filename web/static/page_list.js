// The list of a document's pages: all of them, or those that a person should look at. Of a thousand rows only those that change are
// touched; the browser lays out only those that are seen.

import { h, setText } from "./dom.js";
import { kindOf } from "./document_model.js";
import { addressOf } from "./router.js";
import { duration, number, t } from "./words.js";

/** The list: { element, draw, change, mark }. `turn(page)`: a page was chosen. */
export function pageList(model, turn) {
  const list = h("ol", { class: "pages" });
  const all = h("button", { type: "button", class: "tab", "aria-pressed": "true", onclick: () => filter(false) });
  const problems = h("button", { type: "button", class: "tab", "aria-pressed": "false", onclick: () => filter(true) });
  const element = h("nav", { class: "page-list", "aria-label": t("tab_pages") }, h("div", { class: "bar" }, all, problems), list);
  const rows = new Map();
  let here = null;

  const filter = (only) => {
    list.classList.toggle("only-problems", only);
    all.setAttribute("aria-pressed", String(!only));
    problems.setAttribute("aria-pressed", String(only));
  };

  const draw = () => {
    rows.clear();
    for (const page of model.pages) rows.set(page.page, pageRow(model, page, turn));
    list.replaceChildren(...[...rows.values()].map((row) => row.element));
    tally();
  };

  const tally = () => {
    setText(all, `${t("all_pages")} ${number(model.pages.length)}`);
    setText(problems, `${t("only_problems")} ${number(model.problems.length)}`);
  };

  return {
    element,
    draw,
    change: (numbers) => {
      for (const page of numbers) rows.get(page)?.update();
      tally();
    },
    mark: (page) => {
      here?.removeAttribute("aria-current");
      here = rows.get(page)?.link ?? null;
      here?.setAttribute("aria-current", "page");
      here?.scrollIntoView({ block: "nearest" });
    },
  };
}

function pageRow(model, page, turn) {
  const words = h("span", { class: "page-state" });
  const choose = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab or window
    event.preventDefault();
    turn(page.page);
  };
  const link = h("a", { href: addressOf(model.id, page.page), onclick: choose }, h("span", { class: "page-number" }, t("page", { n: page.page })), words);
  const element = h("li", {}, link);
  const update = () => {
    const kind = kindOf(page);
    element.dataset.kind = kind;
    setText(words, kind === "completed" ? readIn(page) : t(kind === "doubtful" ? "doubtful" : `state_${kind}`));
  };
  update();
  return { element, link, update };
}

const readIn = (page) => (page.seconds?.read ? duration(page.seconds.read) : t("state_completed"));
