// Copies text. Over plain http in a local network browsers hide the clipboard; the older way works there.

import { note } from "./announce.js";
import { h } from "./dom.js";
import { problemWords, t } from "./words.js";

/** Copies a text, or what a promise of one brings, and says so. */
export async function copy(text) {
  try {
    const found = await text;
    const done = navigator.clipboard ? await navigator.clipboard.writeText(found).then(() => true, () => oldCopy(found)) : oldCopy(found);
    note(t(done ? "copied" : "not_copied"));
  } catch (error) {
    note(problemWords(error));
  }
}

function oldCopy(text) {
  const last = document.activeElement;
  const area = h("textarea", { class: "unseen", "aria-hidden": "true", tabindex: "-1" });
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  last?.focus?.({ preventScroll: true });
  return done;
}
