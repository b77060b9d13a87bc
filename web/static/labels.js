// Words and colours of the labels of blocks. A label is the engine's: it may be any text.

import { hasWords, t } from "./words.js";

const KINDS = {
  heading: /^(sub_)?title$/,
  tabular: /^table/,
  figure: /^(image|figure|chart|seal)/,
  formula: /^(equation|formula)$/,
  margin: /^(header|footer|page_number)$/,
};

/** One of a few kinds, for its colour. */
export const labelKind = (label) => Object.keys(KINDS).find((kind) => KINDS[kind].test(label)) ?? "plain";

export function labelWords(label) {
  const plain = label.replace(/^(table|image|figure)_(?=caption|footnote)/, "").replace(/^(figure|chart)$/, "image").replace(/^formula$/, "equation");
  return t(hasWords(`label_${plain}`) ? `label_${plain}` : "label_text");
}
