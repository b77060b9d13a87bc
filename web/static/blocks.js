// The blocks of a page as text that is read: each can be pointed at, held, copied.

import { copy } from "./clipboard.js";
import { button, h, isNarrow } from "./dom.js";
import { labelKind, labelWords } from "./labels.js";
import { cutOut } from "./page_picture.js";
import { safeHtml } from "./safe_html.js";
import { t } from "./words.js";

const HEADINGS = { title: "h2", sub_title: "h3" };

/** All blocks. `actions`: { onPick, onHover, onReveal, picture }. */
export const blockList = (blocks, actions) => h("div", { class: "blocks" }, blocks.map((block, index) => blockElement(block, index, actions)));

function blockElement(block, index, { onPick, onHover, onReveal, picture }) {
  return h(
    "div",
    {
      class: `block ${labelKind(block.label)}`,
      "data-block": index,
      tabindex: "0",
      role: "group",
      "aria-label": labelWords(block.label),
      onclick: (event) => !event.target.closest("a, button") && getSelection().isCollapsed && onPick(index),
      onfocus: () => onHover(index),
      onblur: () => onHover(null),
      onpointerenter: (event) => event.pointerType !== "touch" && onHover(index),
      onpointerleave: () => onHover(null),
    },
    h("div", { class: "block-body" }, body(block, picture)),
    blockButtons(block, index, onReveal),
    isNarrow() && block.text && block.boxes.length ? h("div", { class: "peek" }, lazyCut(block, picture)) : null,
  );
}

function blockButtons(block, index, onReveal) {
  const isTable = block.label === "table" || Boolean(block.text && block.html?.includes("<table"));
  return h(
    "div",
    { class: "block-buttons" },
    block.text && button(t(isTable ? "copy_table" : "copy"), () => copy(block.text), { drawing: isTable ? "sheet" : "copy", bare: true }),
    block.boxes.length > 0 && button(t("show_block"), () => onReveal(index), { drawing: "boxes", bare: true, kind: "on-phone" }),
  );
}

function body(block, picture) {
  if (!block.text && !block.html) return cut(block, picture) ?? h("p", { class: "soft" }, t("figure_here"));
  if (block.html) {
    try {
      return withReachableTables(safeHtml(block.html));
    } catch {
      return [h("p", { class: "notice" }, t("too_long")), h("p", { class: "plain-text" }, block.text)];
    }
  }
  return h(HEADINGS[block.label] ?? "p", { class: "plain-text" }, block.text);
}

/** A table that is wider than its place can be scrolled by keys too. */
function withReachableTables(fragment) {
  for (const wide of fragment.querySelectorAll(".wide")) {
    for (const [name, value] of [["tabindex", "0"], ["role", "group"], ["aria-label", t("table_here")]]) wide.setAttribute(name, value);
  }
  return fragment;
}

const cut = (block, picture) => (block.boxes.length ? cutOut(picture.image(), picture.size(), block.boxes[0]) : null);

function lazyCut(block, picture) {
  const place = h("div", {});
  const watching = new IntersectionObserver((seen) => {
    if (!seen.some((entry) => entry.isIntersecting)) return;
    watching.disconnect();
    place.replaceWith(cut(block, picture) ?? "");
  });
  watching.observe(place);
  return place;
}
