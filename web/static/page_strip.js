// One cell for each page: progress, failures and the place in the document at a glance. It is for the eye and the pointer; the list
// of pages says the same in words.

import { h } from "./dom.js";
import { kindOf } from "./document_model.js";

const MOST_CELLS = 150;
const WORST = ["failed", "doubtful", "processing", "pending", "completed"];

/** The strip: { element, draw, change, mark }. `turn(page)`: a cell was chosen. */
export function pageStrip(model, turn) {
  const element = h("div", { class: "strip", "aria-hidden": "true" });
  let cells = [];
  let perCell = 1;
  let here = null;

  const cellAt = (at) => cells[Math.floor(at / perCell)];
  const indexOf = (number) => model.pages.findIndex((page) => page.page === number);

  const paint = (cell) => {
    const kinds = new Set(cell.pages.map(kindOf));
    const kind = WORST.find((one) => kinds.has(one));
    if (cell.kind === kind) return;
    cell.kind = kind;
    cell.element.dataset.kind = kind;
  };

  const draw = () => {
    perCell = Math.ceil(model.pages.length / MOST_CELLS) || 1;
    cells = [];
    for (let at = 0; at < model.pages.length; at += perCell) {
      const pages = model.pages.slice(at, at + perCell);
      cells.push({ pages, kind: "", element: h("i", { onclick: () => turn(pages[0].page) }) });
    }
    cells.forEach(paint);
    element.replaceChildren(...cells.map((cell) => cell.element));
  };

  return {
    element,
    draw,
    change: (numbers) => new Set(numbers.map((number) => cellAt(indexOf(number)))).forEach((cell) => cell && paint(cell)),
    mark: (number) => {
      here?.classList.remove("here");
      here = cellAt(indexOf(number))?.element ?? null;
      here?.classList.add("here");
    },
  };
}
