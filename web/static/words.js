// Words, numbers and times in the language that is shown.

import { recall, remember } from "./preferences.js";
import { PROBLEMS, WORDS } from "./word_table.js";

let language = recall("language", navigator.language.slice(0, 2)) === "zh" ? "zh" : "en";

export const currentLanguage = () => language;

export const otherLanguage = () => (language === "zh" ? "en" : "zh");

export function switchLanguage() {
  language = otherLanguage();
  remember("language", language);
}

/** `n` chooses between one and many. */
export function t(name, values = {}) {
  const words = (language === "en" && values.n === 1 && WORDS[`${name}_one`]) || WORDS[name];
  const written = (value) => (typeof value === "number" ? number(value) : value);
  return (words[language === "en" ? 0 : 1] ?? words[0]).replace(/\{(\w+)\}/g, (_, key) => written(values[key]));
}

export const hasWords = (name) => Object.hasOwn(WORDS, name);

/** `status`: of an answer without a reason, such as a proxy's. */
export function problemWords({ code, message, status }) {
  if (code === "unreachable") return t("unreachable");
  if (language === "zh" && Object.hasOwn(PROBLEMS, code)) return PROBLEMS[code][0];
  return message || (status ? t("unexplained", { status }) : t("state_failed"));
}

export const number = (value, options) => new Intl.NumberFormat(language, options).format(value);

const unit = (value, unit, maximumFractionDigits = 0) => number(value, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits });

export function fileSize(bytes) {
  if (bytes < 1000) return unit(bytes, "byte");
  return bytes < 1e6 ? unit(bytes / 1000, "kilobyte") : unit(bytes / 1e6, "megabyte", 1);
}

export function duration(seconds) {
  if (seconds < 90) return unit(Math.max(seconds, 0), "second", seconds < 10 ? 1 : 0);
  return seconds < 5400 ? unit(seconds / 60, "minute") : unit(seconds / 3600, "hour", 1);
}

export function ago(time) {
  const past = Math.max(0, Date.now() / 1000 - time);
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  const [name, long] = Object.entries({ day: 86_400, hour: 3600, minute: 60 }).find(([, long]) => past >= long) ?? ["second", Infinity];
  return format.format(-Math.floor(past / long), name);
}
