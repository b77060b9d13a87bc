// How pages are to be read: a way that people know, for which the page knows the prompt, and a few options. Kept for the next time.

import { h } from "./dom.js";
import { recall, remember } from "./preferences.js";
import { service } from "./service.js";
import { t } from "./words.js";

// a line break is written as two characters, which the service takes for one: in forms, browsers make CR LF of it
const BREAK = "\\n";
const WAYS = {
  document: `<image>${BREAK}<|grounding|>Convert the document to markdown.`,
  places: `<image>${BREAK}<|grounding|>OCR this image.`,
  plain: `<image>${BREAK}Free OCR.`,
  figure: `<image>${BREAK}Parse the figure.`,
  describe: `<image>${BREAK}Describe this image in detail.`,
  own: "",
};
const FIELDS = ["page_range", "max_tokens", "temperature"];
const OF_ONE_FILE = ["page_range", "password"];
const LAYERS = ["fallback", "prefer", "ignore"];

const chosen = { way: "document", prompt: "", text_layer: "fallback", ...recall("reading", {}) };
if (!(chosen.way in WAYS)) chosen.way = "document";
const listeners = new Set();
/** The inputs of the form that is shown, by name. */
const inputs = new Map();

/** Calls back when an option was changed; returns how to end that. */
export function onOptions(changed) {
  listeners.add(changed);
  return () => listeners.delete(changed);
}

function choose(facts) {
  Object.assign(chosen, facts);
  const { way, prompt, text_layer } = chosen;
  remember("reading", { way, prompt, text_layer });
  for (const changed of listeners) changed();
}

/** The options as the API takes them; what was left empty is as configured. */
export function readingOptions() {
  const prompt = chosen.way === "own" ? chosen.prompt.trim().replaceAll("\n", BREAK) : WAYS[chosen.way];
  const options = prompt ? { prompt } : {};
  for (const name of [...FIELDS, "password"]) if (chosen[name]?.trim()) options[name] = chosen[name].trim();
  if (chosen.text_layer !== "fallback") options.text_layer = chosen.text_layer;
  return options;
}

/** Pages and a password belong to what was just sent, not to the next file. */
export function clearFileOptions() {
  for (const name of OF_ONE_FILE) {
    delete chosen[name];
    if (inputs.has(name)) inputs.get(name).value = "";
  }
  choose({});
}

/** The form. */
export function optionsForm() {
  const hint = h("p", { class: "hint", id: "way-hint" });
  const prompt = field("prompt", h("textarea", { rows: 2, maxlength: 8192, placeholder: t("prompt_hint") }));
  const show = () => {
    hint.textContent = t(`way_${chosen.way}_hint`);
    prompt.hidden = chosen.way !== "own";
  };
  show();
  const way = (name) =>
    h("label", {}, h("input", { type: "radio", name: "way", value: name, checked: name === chosen.way, "aria-describedby": "way-hint", onchange: () => (choose({ way: name }), show()) }), h("span", {}, t(`way_${name}`)));
  return h(
    "div",
    { class: "options" },
    h("fieldset", { class: "ways" }, h("legend", {}, t("how_read")), h("div", { class: "choices" }, Object.keys(WAYS).map(way))),
    hint,
    prompt,
    h("details", { ontoggle: showDefaults }, h("summary", {}, t("more_options")), h("div", { class: "fields" }, moreFields())),
  );
}

/** What is used where a field is left empty. */
function showDefaults(event) {
  const defaults = service.index?.limits.options ?? {};
  for (const input of event.target.querySelectorAll("input[name]")) if (input.name in defaults) input.placeholder = defaults[input.name];
}

function moreFields() {
  const layer = h("select", {}, LAYERS.map((name) => h("option", { value: name, selected: name === chosen.text_layer }, t(`text_layer_${name}`))));
  return [
    field("page_range", h("input", { placeholder: t("page_range_hint"), autocomplete: "off", spellcheck: "false" })),
    field("password", h("input", { type: "password", autocomplete: "off" })),
    field("text_layer", layer, "text_layer_label"),
    field("max_tokens", h("input", { type: "number", min: 1, max: 16_384 })),
    field("temperature", h("input", { type: "number", min: 0, max: 2, step: 0.1 })),
  ];
}

function field(name, input, words = name) {
  inputs.set(name, input);
  input.name = name;
  input.value = chosen[name] ?? "";
  input.addEventListener("input", () => choose({ [name]: input.value }));
  return h("label", { class: "field" }, h("span", {}, t(words)), input);
}
