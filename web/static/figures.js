// How the service stands now: its queue, its workers, how long it keeps texts.

import { h, setText } from "./dom.js";
import { poll } from "./polling.js";
import { onService, refreshStats, service } from "./service.js";
import { duration, number, t } from "./words.js";

const FIGURES = [["pending", "waiting"], ["processing", "being_read"], ["completed", "read"], ["failed", "failed"]];

/** The figures: { element, stop }. */
export function figures() {
  const values = FIGURES.map(([name, words]) => [name, words, h("dd", {}, "–")]);
  const workers = h("p", { class: "workers" });
  const meter = h("meter", { min: 0, "aria-label": t("places") });
  const taken = h("span", {});
  const kept = h("p", { class: "soft small" });
  const element = h(
    "section",
    { class: "figures" },
    h("div", { class: "section-head" }, h("h2", {}, t("current")), workers),
    h("dl", {}, values.map(([, words, value]) => h("div", {}, h("dt", {}, t(words)), value))),
    meter,
    h("p", { class: "meter-words soft small" }, h("span", {}, t("places")), taken),
    kept,
  );
  const update = () => {
    showWorkers(workers);
    const { stats, index } = service;
    if (index) setText(kept, t("kept_long", { time: duration(index.limits.result_ttl) }));
    if (!stats) return;
    for (const [name, , value] of values) setText(value, number(stats[name]));
    values[3][2].classList.toggle("bad", stats.failed > 0);
    const open = stats.pending + stats.processing;
    Object.assign(meter, { max: stats.queue_limit, high: stats.queue_limit * 0.9, value: open });
    setText(taken, t("taken_of", { taken: open, limit: stats.queue_limit }));
  };
  const stopListening = onService(update);
  const asking = poll(async () => (await refreshStats(), "same"), { fast: 2000, slow: 2000 });
  update();
  return { element, stop: () => (asking.stop(), stopListening()) };
}

/** Whether workers are ready, in a few words with a dot. */
export function showWorkers(place) {
  const { away, stats } = service;
  const kind = away ? "away" : stats && !stats.workers ? "idle" : "";
  const words = away ? t("try_later") : !stats ? "" : stats.workers ? t("ready_workers", { n: stats.workers }) : t("no_workers");
  if (place.textContent === words && place.dataset.kind === kind) return;
  place.dataset.kind = kind;
  place.replaceChildren(...(words ? [h("i", { class: `dot ${kind}`, "aria-hidden": "true" }), words] : []));
}
