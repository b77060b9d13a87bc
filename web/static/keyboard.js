// Single keys, and the list of them. They can be switched off: who speaks to a computer would set them off by chance.

import { button, h } from "./dom.js";
import { recall, remember } from "./preferences.js";
import { t } from "./words.js";

const LIST = { block: "J K", page: "[ ]", boxes: "B", copy: "C", esc: "Esc", paste: "Ctrl V", help: "?" };

export function listenToKeys(actions) {
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest?.("input, textarea, select, dialog, [popover]")) return;
    if (key === "Escape") actions().Escape?.();
    if (!recall("keys", true)) return;
    const act = key === "?" ? showKeys : actions()[key.toLowerCase()];
    if (act) {
      event.preventDefault();
      act();
    }
  });
}

export function showKeys() {
  const rows = Object.entries(LIST).map(([name, keys]) => [h("dt", keys.split(" ").map((key) => h("kbd", key))), h("dd", t(`key_${name}`))]);
  const chosen = h("input", { type: "checkbox", checked: recall("keys", true), onchange: () => remember("keys", chosen.checked) });
  const dialog = h(
    "dialog",
    { "aria-labelledby": "keys-head", onclose: () => dialog.remove(), onclick: (event) => event.target === dialog && dialog.close() },
    h("h2", { id: "keys-head" }, t("keys")),
    h("dl", rows),
    h("label.switch", chosen, t("keys_on")),
    button(t("close"), () => dialog.close()),
  );
  document.body.append(dialog);
  dialog.showModal();
}
