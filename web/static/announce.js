// Says things once, to the eye and through the one live region; and copies text.

import { h, setText } from "./dom.js";
import { problemWords, t } from "./words.js";

const STAYS = 2600; // ms
let shown = h("div");

export function note(words) {
  shown.remove();
  const element = (shown = h("div.note", { "aria-hidden": "true" }, words));
  document.body.append(element);
  setTimeout(() => element.remove(), STAYS);
  say(words);
}

export const say = (words) => setText(document.getElementById("status"), words);

/** Copies a text, or what a promise brings. Over plain http in a local network browsers hide the clipboard. */
export async function copy(text) {
  try {
    const found = await text;
    const done = await (navigator.clipboard?.writeText(found).then(() => true, () => oldCopy(found)) ?? oldCopy(found));
    note(t(done ? "copied" : "not_copied"));
  } catch (error) {
    note(problemWords(error));
  }
}

function oldCopy(text) {
  const last = document.activeElement;
  const area = h("textarea.unseen", { "aria-hidden": "true", tabindex: -1 }, text);
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  last?.focus({ preventScroll: true });
  return done;
}
