// How the service stands: its figures, and what is above every view.

import { followService, refreshStats, root, service } from "./api.js";
import { poll } from "./changes.js";
import { button, fill, h, setText } from "./dom.js";
import { showKeys } from "./keyboard.js";
import { applyTheme, isDark, remember } from "./preferences.js";
import { isOpen, recentWork } from "./recent.js";
import { currentLanguage, duration, number, otherLanguage, switchLanguage, t } from "./words.js";

const LANG = { en: "en", zh: "zh-CN" };
const masthead = document.getElementById("masthead");
const workers = h("p.workers");

export function drawMasthead(isStart, redraw) {
  document.documentElement.lang = LANG[currentLanguage()];
  setText(document.getElementById("skip"), t("skip"));
  fill(
    masthead,
    masthead.firstElementChild, // the name, which is there from the first
    !isStart && h("a.all", { href: "#/" }, t("all_documents")),
    h("span.grow"),
    !isStart && workers,
    h("a.button.quiet.with-mouse", { href: `${root}docs` }, t("api")),
    button(t("language"), () => (switchLanguage(), redraw()), "", "quiet", { lang: LANG[otherLanguage()] }),
    coloursButton(),
    button(t("keys"), showKeys, "keys", "bare with-mouse"),
  );
  showState();
}

function coloursButton() {
  const other = isDark() ? "light" : "dark";
  const change = () => {
    remember("theme", other);
    applyTheme();
    const next = coloursButton();
    made.replaceWith(next);
    next.focus();
  };
  const made = button(t(other), change, other === "light" ? "sun" : "moon", "bare");
  return made;
}

export function showState() {
  showWorkers(workers);
  const banner = document.getElementById("banner");
  const isIdle = service.stats?.workers === 0 && recentWork().some(isOpen);
  banner.classList.toggle("calm-banner", !service.away);
  setText(banner, service.away ? t("service_away") : isIdle ? t("no_workers_long") : "");
}

const STATES = ["pending", "processing", "completed", "failed"];

export function figures() {
  const values = STATES.map(() => h("dd", "–"));
  const workers = h("p.workers");
  const meter = h("meter", { min: 0, "aria-label": t("places") });
  const taken = h("span");
  const kept = h("p.soft.small");
  const element = h(
    "section.figures",
    h("div.section-head", h("h2", t("current")), workers),
    h("dl", STATES.map((state, at) => h("div", h("dt", t(`state_${state}`)), values[at]))),
    meter,
    h("p.meter-words.soft.small", h("span", t("places")), taken),
    kept,
  );
  poll(async () => (await refreshStats(), "same"), { element, fast: 2000, slow: 2000 });
  return followService(element, () => {
    showWorkers(workers);
    const { stats, index } = service;
    if (index) setText(kept, t("kept_long", { time: duration(index.limits.result_ttl) }));
    if (!stats) return;
    STATES.forEach((state, at) => setText(values[at], number(stats[state])));
    values[3].classList.toggle("bad", stats.failed > 0);
    const [open, limit] = [stats.pending + stats.processing, stats.queue_limit];
    Object.assign(meter, { max: limit, high: limit * 0.9, value: open });
    setText(taken, t("taken_of", { taken: open, limit }));
  });
}

function showWorkers(place) {
  const { away, stats } = service;
  const kind = away ? "away" : stats && !stats.workers ? "idle" : "";
  const ready = () => t(stats.workers ? "ready_workers" : "no_workers", { n: stats.workers });
  const words = away ? t("unreachable") : stats ? ready() : "";
  if (place.textContent !== words || place.dataset.kind !== kind) fill(place, words && h(`i.dot.${kind || "ready"}`), words);
  place.dataset.kind = kind;
}
