// How pages are to be read: a way, for which the page knows the prompt, and a few options.

import { service } from "./api.js";
import { topic } from "./changes.js";
import { h } from "./dom.js";
import { recall, remember } from "./preferences.js";
import { t } from "./words.js";

// a line break is written as two characters, which the service takes for one: in forms, browsers make CR LF of it
const BREAK = "\\n";
const WAYS = {
  document: "<|grounding|>Convert the document to markdown.",
  places: "<|grounding|>OCR this image.",
  plain: "Free OCR.",
  figure: "Parse the figure.",
  describe: "Describe this image in detail.",
  own: "",
};
const LAYERS = ["fallback", "prefer", "ignore"];

const changes = topic();
export const followOptions = changes.follow;
let form = null;

const chosen = () => Object.fromEntries(new FormData(form ?? optionsForm()));

/** As the API takes them; what was left empty is as configured. */
export function readingOptions() {
  const { way, ...options } = chosen();
  options.prompt = WAYS[way] ? `<image>${BREAK}${WAYS[way]}` : options.prompt.replace(/\r?\n/g, BREAK);
  if (options.text_layer === "fallback") options.text_layer = "";
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [name, value.trim()]).filter(([, value]) => value));
}

/** Pages and a password belong to what was just sent. */
export function clearFileOptions() {
  form.page_range.value = form.password.value = "";
  changes.tell();
}

/** The form, as it was left. */
export function optionsForm() {
  const before = form ? chosen() : { way: "document", ...recall("reading", {}) };
  const hint = h("p.hint", { id: "way-hint" });
  const prompt = field("prompt", h("textarea", { rows: 2, maxlength: 8192, placeholder: t("prompt_hint") }));
  const way = (value) => h("label", h("input", { type: "radio", name: "way", value, "aria-describedby": "way-hint" }), h("span", t(`way_${value}`)));
  const changed = () => {
    const { way, prompt, text_layer } = chosen();
    remember("reading", { way, prompt, text_layer });
    changes.tell();
  };
  form = h(
    "form.options",
    { oninput: changed, onsubmit: (event) => event.preventDefault() },
    h("fieldset.ways", h("legend", t("how_read")), h("div.choices", Object.keys(WAYS).map(way))),
    hint,
    prompt,
    h("details", { ontoggle: showDefaults }, h("summary", t("more_options")), h("div.fields", moreFields())),
  );
  for (const [name, value] of Object.entries(before)) form[name].value = value;
  if (!form.way.value) form.way.value = "document";
  return changes.follow(form, () => {
    hint.textContent = t(`way_${form.way.value}_hint`);
    prompt.hidden = form.way.value !== "own";
  });
}

/** What is used where a field is left empty. */
function showDefaults() {
  const defaults = Object.entries(service.index?.limits.options ?? {});
  for (const [name, value] of defaults) if (form[name]) form[name].placeholder = value;
}

function moreFields() {
  return [
    field("page_range", h("input", { placeholder: t("page_range_hint"), autocomplete: "off", spellcheck: "false" })),
    field("password", h("input", { type: "password", autocomplete: "off" })),
    field("text_layer", h("select", LAYERS.map((value) => h("option", { value }, t(`text_layer_${value}`)))), "text_layer_label"),
    field("max_tokens", h("input", { type: "number", min: 1, max: 16_384 })),
    field("temperature", h("input", { type: "number", min: 0, max: 2, step: 0.1 })),
  ];
}

function field(name, input, words = name) {
  input.name = name;
  return h("label.field", h("span", t(words)), input);
}
