// What stands above every view: the name, the way back, how the service stands, language, colours, keys; and a banner where the
// service does not answer or has no worker.

import { root } from "./api.js";
import { button, h, setText } from "./dom.js";
import { showWorkers } from "./figures.js";
import { showKeys } from "./keyboard.js";
import { applyTheme, isDark, remember } from "./preferences.js";
import { isOpen, recentWork } from "./recent.js";
import { service } from "./service.js";
import { currentLanguage, switchLanguage, t } from "./words.js";

/** Draws it for a view. `redraw`: draws everything again, in the other language. */
export function drawMasthead({ isStart, redraw }) {
  document.documentElement.lang = currentLanguage() === "zh" ? "zh-CN" : "en";
  document.getElementById("skip").textContent = t("skip");
  const other = currentLanguage() === "zh" ? "en" : "zh-CN";
  const language = h("button", { type: "button", class: "button quiet", lang: other, onclick: () => switchLanguage().then(redraw) }, t("language"));
  const dark = isDark();
  const colours = button(t(dark ? "light" : "dark"), () => (remember("theme", dark ? "light" : "dark"), applyTheme(), drawMasthead({ isStart, redraw })), { drawing: dark ? "sun" : "moon", bare: true, id: "theme" });
  const focused = document.activeElement?.id;
  const masthead = document.getElementById("masthead");
  masthead.replaceChildren(
    masthead.firstElementChild, // the name, which is there from the first
    isStart ? "" : h("a", { class: "all", href: "#/" }, t("all_documents")),
    h("span", { class: "grow" }),
    isStart ? "" : h("p", { class: "workers", id: "workers" }),
    h("a", { class: "button quiet with-mouse", href: `${root}docs` }, t("api")),
    language,
    colours,
    button(t("keys"), showKeys, { drawing: "keys", bare: true, kind: "with-mouse" }),
  );
  if (focused === "theme") document.getElementById("theme").focus();
  showState();
}

/** Brings the banner and the workers up to date. */
export function showState() {
  const workers = document.getElementById("workers");
  if (workers) showWorkers(workers);
  const banner = document.getElementById("banner");
  const idle = service.stats?.workers === 0 && recentWork().some(isOpen);
  banner.classList.toggle("calm-banner", !service.away);
  setText(banner, service.away ? t("service_away") : idle ? t("no_workers_long") : "");
}
