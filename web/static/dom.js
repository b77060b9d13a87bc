// Builds elements. Text is only ever text: nothing here parses HTML.

import { t } from "./words.js";

/** "p.soft.small", properties, what it holds. `on…` are listeners. */
export function h(selector, ...inside) {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag);
  element.classList.add(...classes);
  for (const [name, value] of Object.entries(inside[0]?.constructor === Object ? inside.shift() : {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value);
    else if (typeof (value ?? false) === "boolean") element.toggleAttribute(name, Boolean(value));
    else element.setAttribute(name, value);
  }
  fill(element, ...inside);
  return element;
}

/** Replaces what an element holds; what is null or false is left out. */
export const fill = (element, ...inside) => element.replaceChildren(...inside.flat(2).filter(Boolean));

/** Leaves the same text: a live region would repeat it, and a selection would be lost. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const ICONS = {
  add: "M10 4v12M4 10h12",
  alert: "M10 3 2.5 16.5h15zM10 8v4M10 14.4v.2",
  back: "M12.5 4.5 7 10l5.5 5.5",
  boxes: "M3 4h14v4H3zM3 11h8v5H3zM14 11h3v5h-3z",
  camera: "M3 7h3l1.5-2.5h5L14 7h3v9H3zM10 8.8a2.4 2.4 0 1 1 0 4.8 2.4 2.4 0 0 1 0-4.8z",
  close: "m5 5 10 10M15 5 5 15",
  copy: "M7 7V3.5h9.5V13H13M3.5 7H13v9.5H3.5z",
  download: "M10 3v9M6 8.5l4 4 4-4M3.5 16.5h13",
  folder: "M2.5 5h5l2 2h8v9h-15z",
  forward: "M7.5 4.5 13 10l-5.5 5.5",
  keys: "M2.5 5.5h15v9h-15zM5.5 8.5h.1M8.5 8.5h.1M11.5 8.5h.1M14.5 8.5h.1M6.5 11.7h7",
  link: "M8.5 11.5a3 3 0 0 0 4.3 0l2.7-2.7a3 3 0 0 0-4.3-4.3L10 5.7M11.5 8.5a3 3 0 0 0-4.3 0l-2.7 2.7a3 3 0 0 0 4.3 4.3L10 14.3",
  moon: "M16.5 11.8A7 7 0 0 1 8.2 3.5a7 7 0 1 0 8.3 8.3z",
  sheet: "M3 4h14v12H3zM3 8h14M3 12h14M8 4v12",
  sun: "M10 6.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7zM10 1.8v1.7M10 16.5v1.7M1.8 10h1.7M16.5 10h1.7M4.2 4.2l1.2 1.2M14.6 14.6l1.2 1.2M4.2 15.8l1.2-1.2M14.6 5.4l1.2-1.2",
  wait: "M10 3a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM10 6v4.2l2.8 1.7",
};

export function icon(name) {
  const [drawing, path] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  for (const [key, value] of Object.entries({ viewBox: "0 0 20 20", class: "icon", "aria-hidden": true })) drawing.setAttribute(key, value);
  path.setAttribute("d", ICONS[name]);
  drawing.append(path);
  return drawing;
}

/** `kind`: classes; with "bare" the words are its name only. */
export function button(words, onclick, drawing = "", kind = "", properties = {}) {
  const isBare = kind.startsWith("bare");
  const name = isBare && { "aria-label": words, title: words };
  return h("button", { type: "button", class: `button ${kind}`, onclick, ...name, ...properties }, drawing && icon(drawing), !isBare && h("span", words));
}

export const tab = (words, onclick, properties) => h("button.tab", { type: "button", onclick, ...properties }, words);

export const press = (button, isPressed) => button.setAttribute("aria-pressed", isPressed);

/** Buttons of which one is pressed: [buttons, choose]. */
export function tabs(names, onchoose) {
  const choose = (name) => {
    names.forEach((one, at) => press(buttons[at], one === name));
    onchoose(name);
  };
  const buttons = names.map((name) => tab(t(`tab_${name}`), () => choose(name)));
  return [buttons, choose];
}

export const isNarrow = () => matchMedia("(max-width: 820px)").matches;
