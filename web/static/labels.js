// The labels of blocks: what people call them, and their colours. A label is the engine's, so it may be any text.

import { hasWords, t } from "./words.js";

const KINDS = {
  title: "heading", sub_title: "heading",
  table: "tabular", table_caption: "tabular", table_footnote: "tabular",
  image: "figure", figure: "figure", chart: "figure", image_caption: "figure", figure_caption: "figure", seal: "figure",
  equation: "formula", formula: "formula",
  header: "margin", footer: "margin", page_number: "margin",
};
const SAME = { figure: "image", chart: "image", formula: "equation", figure_caption: "caption", image_caption: "caption", table_caption: "caption", table_footnote: "footnote" };

const known = (table, label) => (Object.hasOwn(table, label) ? table[label] : undefined);

/** One of a few kinds, for its colour. */
export const labelKind = (label) => known(KINDS, label) ?? "plain";

/** What people call it. */
export function labelWords(label) {
  const name = `label_${known(SAME, label) ?? label}`;
  return hasWords(name) ? t(name) : t("label_text");
}
