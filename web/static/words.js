// Words, numbers and times in the language that is shown. An error is said by its code where there are words for it, else in the
// service's own sentence.

import { recall, remember } from "./preferences.js";

const LANGUAGES = ["en", "zh"];
let language = recall("language", navigator.language.startsWith("zh") ? "zh" : "en");
if (!LANGUAGES.includes(language)) language = "en";
let table = await import(`./words_${language}.js`);

/** The language that is shown: "en" or "zh". */
export const currentLanguage = () => language;

/** Shows the other language, once its words are there. */
export async function switchLanguage() {
  const other = LANGUAGES.find((one) => one !== language);
  table = await import(`./words_${other}.js`);
  language = other;
  remember("language", language);
}

/** The words of this name, with values put in; `n` chooses between one and many. */
export function t(name, values = {}) {
  const words = (values.n === 1 && table.WORDS[`${name}_one`]) || table.WORDS[name];
  return words.replace(/\{(\w+)\}/g, (_, key) => (typeof values[key] === "number" ? number(values[key]) : values[key]));
}

/** Whether there are words of this name. */
export const hasWords = (name) => Object.hasOwn(table.WORDS, name);

/** What is said of a problem: `status` is that of an answer without a reason, such as a proxy's own. */
export function problemWords({ code, message, status }) {
  if (Object.hasOwn(table.PROBLEMS, code)) return table.PROBLEMS[code];
  return message || (status ? t("unexplained", { status }) : t("state_failed"));
}

/** A number as it is written. */
export const number = (value, options = {}) => new Intl.NumberFormat(language, options).format(value);

const unit = (value, name, digits = 0) =>
  number(value, { style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits: digits });

/** The size of a file. */
export function fileSize(bytes) {
  if (bytes < 1000) return unit(bytes, "byte");
  return bytes < 1_000_000 ? unit(bytes / 1000, "kilobyte") : unit(bytes / 1_000_000, "megabyte", 1);
}

/** How long something takes. */
export function duration(seconds) {
  if (seconds < 10) return unit(Math.max(seconds, 0), "second", 1);
  if (seconds < 90) return unit(Math.round(seconds), "second");
  return seconds < 5400 ? unit(Math.round(seconds / 60), "minute") : unit(seconds / 3600, "hour", 1);
}

/** How long ago a time was. */
export function ago(seconds) {
  const past = Math.max(0, Date.now() / 1000 - seconds);
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  const [name, long] = Object.entries({ day: 86_400, hour: 3600, minute: 60 }).find(([, long]) => past >= long) ?? ["second", Infinity];
  return format.format(-Math.floor(past / long), name);
}
