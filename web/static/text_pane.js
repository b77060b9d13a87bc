// The text of a page: as it is read, as markdown, as JSON; or why there is none.

import { copy } from "./announce.js";
import { pageBlocks, pageText } from "./document_model.js";
import { button, fill, h, icon, isNarrow, tab } from "./dom.js";
import { labelKind, labelWords } from "./labels.js";
import { recall, remember } from "./preferences.js";
import { safeHtml } from "./safe_html.js";
import { duration, hasWords, problemWords, t } from "./words.js";

const FORMS = ["text", "md", "json"];

/** `onBlocks(page, blocks)`: a page is shown; `again(page)`: it is to be read again. */
export function textPane({ onBlocks, cut, again, position }) {
  let form = FORMS.find((one) => one === recall("text_form")) ?? "text";
  let page = null;
  let shown = "";
  const choose = (chosen) => {
    form = chosen;
    remember("text_form", form);
    show(page);
  };
  const tabs = FORMS.map((one) => tab(t(`tab_${one}`), () => choose(one), { role: "tab", id: `form-${one}`, "aria-controls": "text-panel" }));
  const copyButton = button(t("copy"), () => copy(pageText(page.task_id, form)), "copy", "quiet");
  const panel = h("div.text-panel", { id: "text-panel", role: "tabpanel", tabindex: 0 });

  async function show(wanted) {
    page = wanted;
    const key = [page.page, form, page.status].join();
    const isRead = page.status === "completed";
    for (const one of tabs) {
      const isChosen = one.id === `form-${form}`;
      Object.assign(one, { ariaSelected: isChosen, tabIndex: isChosen ? 0 : -1 });
    }
    panel.setAttribute("aria-labelledby", `form-${form}`);
    copyButton.disabled = !isRead;
    if (shown === key) return;
    shown = key;
    let found = { blocks: [] };
    let content = [];
    try {
      if (isRead) found = await pageBlocks(page.task_id);
      const source = isRead && form !== "text" && h("pre.source", await pageText(wanted.task_id, form));
      if (shown !== key) return; // another page was turned to meanwhile
      Object.assign(page, { width: found.width || page.width, height: found.height || page.height });
      onBlocks(page, found.blocks);
      content = source || (isRead ? readable(page, found, cut, again) : withoutText(page, again, position));
    } catch (error) {
      if (shown !== key) return;
      shown = "";
      onBlocks(page, []);
      content = notice("bad", problemWords(error), error.code);
    }
    fill(panel, content);
    panel.scrollTo({ top: 0, behavior: "instant" });
  }

  const list = h("div.tabs", { role: "tablist", "aria-label": t("view"), onkeydown: moveBetweenTabs }, tabs);
  return { element: h("section.text-pane", { "aria-label": t("tab_text") }, h("div.bar", list, h("span.grow"), copyButton), panel), panel, show };
}

function moveBetweenTabs({ key, currentTarget }) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
  if (!step) return;
  const tabs = [...currentTarget.children];
  const next = tabs.at((tabs.indexOf(document.activeElement) + step) % tabs.length);
  next.focus();
  next.click();
}

export const notice = (kind, words, code, action) => h(`div.notice.${kind}`, icon("alert"), h("div", h("p", words), code && h("code", code)), action);

const againButton = (page, again) => button(t("read_again"), () => again(page));

function withoutText(page, again, position) {
  const { status, code, error: message } = page;
  if (status === "failed") return notice("bad", `${t("failed_here")} ${problemWords({ code, message })}`, code, againButton(page, again));
  const isWaiting = status === "pending";
  const place = isWaiting && position();
  return h("div.calm", icon("wait"), h("p", t(isWaiting ? "waiting_here" : "reading_here")), place > 0 && h("p", t("waiting_position", { n: place })));
}

function readable(page, { blocks, source, verdict = page.verdict }, cut, again) {
  const isDoubtful = verdict && hasWords(`verdict_${verdict}`);
  // one of which the engine is unsure would be read the same
  const doubt = isDoubtful && notice("doubt", t(`verdict_${verdict}`), verdict, verdict !== "unsure" && againButton(page, again));
  const hasPlaces = blocks.some((block) => block.boxes.length);
  const hasText = hasPlaces || blocks.some((block) => block.text);
  const origin = source === "text_layer" ? t("text_layer_here") : hasText && !hasPlaces && t("no_boxes");
  const facts = [origin, page.seconds?.read && duration(page.seconds.read)].filter(Boolean);
  return [
    doubt,
    hasText ? blockList(blocks, cut) : !doubt && h("div.calm", h("p", t("empty_text"))),
    facts.length > 0 && h("p.soft.small.page-facts", facts.join(" · ")),
  ];
}

const HEADINGS = { title: "h2", sub_title: "h3" };

/** `cut(block)`: what its box holds of the picture, if there is one. */
const blockList = (blocks, cut) => h("div.blocks", blocks.map((block, index) => blockElement(block, index, cut)));

function blockElement(block, index, cut) {
  const { label, text, boxes, html } = block;
  const isTable = label === "table" || Boolean(text && html?.includes("<table"));
  return h(
    `div.block.${labelKind(label)}`,
    { "data-block": index, tabindex: 0, role: "group", "aria-label": labelWords(label) },
    h("div.block-body", bodyOf(block, cut)),
    h(
      "div.block-buttons",
      text && button(t(isTable ? "copy_table" : "copy"), () => copy(text), isTable ? "sheet" : "copy", "bare"),
      boxes.length > 0 && button(t("show_block"), null, "boxes", "bare on-phone"),
    ),
    isNarrow() && text && boxes.length > 0 && h("div.peek", whenSeen(() => cut(block))),
  );
}

function bodyOf(block, cut) {
  const { label, text, html } = block;
  if (!text && !html) return cut(block) ?? h("p.soft", t("figure_here"));
  if (!html) return h(`${HEADINGS[label] ?? "p"}.plain-text`, text);
  try {
    const body = safeHtml(html);
    // by keys too, one that is wider than its place can be scrolled
    for (const wide of body.querySelectorAll(".wide")) Object.assign(wide, { tabIndex: 0, role: "group", ariaLabel: t("table_here") });
    return body;
  } catch {
    return [h("p.notice", t("too_long")), h("p.plain-text", text)];
  }
}

function whenSeen(make) {
  const place = h("div");
  const watching = new IntersectionObserver((seen) => {
    if (!seen.some((entry) => entry.isIntersecting)) return;
    watching.disconnect();
    place.replaceWith(make() ?? "");
  });
  watching.observe(place);
  return place;
}
