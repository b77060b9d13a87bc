// The start: send something, see the state of the service, return to what was sent.

import { copy } from "./clipboard.js";
import { sendAddressCommand, sendFileCommand } from "./commands.js";
import { button, h, setText } from "./dom.js";
import { figures } from "./figures.js";
import { dropZone } from "./intake.js";
import { onOptions, optionsForm, readingOptions } from "./reading_options.js";
import { onRecent, recentWork, watchRecent } from "./recent.js";
import { onService, service } from "./service.js";
import { recentList, sendingList } from "./work_list.js";
import { t } from "./words.js";

/** The view: { element, stop }. */
export function startView() {
  const parts = [sendingList(), recentList(), figures(), terminal(), limitsLine()];
  const [sendings, recents, now, command, limits] = parts;
  const stopWatching = watchRecent();
  const element = h(
    "div",
    { class: "start" },
    h(
      "div",
      { class: "start-main" },
      h("h1", {}, t("lead")),
      h("p", { class: "soft lead" }, t("lead_more")),
      dropZone(limits.element),
      optionsForm(),
      sendings.element,
      recents.element,
    ),
    h("aside", { class: "start-side", "aria-label": t("current") }, now.element, command.element),
  );
  const stop = () => {
    stopWatching();
    for (const part of parts) part.stop();
  };
  return { element, stop };
}

/** What this service accepts: { element, stop }. */
function limitsLine() {
  const element = h("p", { class: "soft small" });
  const update = () => {
    if (!service.index) return;
    const { max_image_mb: image, max_document_mb: document, max_document_pages: pages } = service.index.limits;
    setText(element, t("limits_line", { image, document, pages }));
  };
  update();
  return { element, stop: onService(update) };
}

/** What was done last, or could be done now, as a command: { element, stop }. */
function terminal() {
  const text = h("pre", { tabindex: "0" });
  const update = () => {
    const [last] = recentWork();
    const options = readingOptions();
    text.textContent = last?.url ? sendAddressCommand(last.url, options) : sendFileCommand(last?.name ?? "page.jpg", options);
  };
  update();
  const stops = [onRecent(update), onOptions(update)];
  const head = h("div", { class: "section-head" }, h("h2", {}, t("terminal")), button(t("copy_command"), () => copy(text.textContent), { drawing: "copy", bare: true }));
  const element = h("section", { class: "terminal" }, head, text, h("p", { class: "soft small" }, t("find_more")));
  return { element, stop: () => stops.forEach((stop) => stop()) };
}
