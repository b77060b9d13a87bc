// Says things once: to the eye as a note that goes by itself, and to screen readers through the page's one live region.

import { h } from "./dom.js";

const STAYS = 2600; // ms
let timer = 0;

/** A short note at the foot of the page. */
export function note(words) {
  document.querySelector(".note")?.remove();
  document.body.append(h("div", { class: "note", "aria-hidden": "true" }, words));
  clearTimeout(timer);
  timer = setTimeout(() => document.querySelector(".note")?.remove(), STAYS);
  say(words);
}

/** To screen readers only. */
export function say(words) {
  const region = document.getElementById("status");
  if (region.textContent !== words) region.textContent = words;
}
