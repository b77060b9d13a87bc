// Single keys, and the list of them. They can be switched off: who speaks to a computer, or has a keyboard of another kind, would
// set them off by chance.

import { h, button } from "./dom.js";
import { recall, remember } from "./preferences.js";
import { t } from "./words.js";

const NAME = "keys";
const LIST = [
  [["J", "K"], "key_block"],
  [["[", "]"], "key_page"],
  [["B"], "key_boxes"],
  [["C"], "key_copy"],
  [["Esc"], "key_esc"],
  [["Ctrl", "V"], "key_paste"],
  [["?"], "key_help"],
];

/** `actions()`: what the view that is shown does on a key: { key: function }. */
export function listenToKeys(actions) {
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest?.("input, textarea, select, dialog, [popover]")) return;
    if (key === "Escape") actions().Escape?.();
    if (!recall(NAME, true)) return;
    const act = key === "?" ? showKeys : actions()[key.toLowerCase()];
    if (act) {
      event.preventDefault();
      act();
    }
  });
}

/** The list, with the switch. */
export function showKeys() {
  const rows = LIST.map(([keys, words]) => [h("dt", {}, keys.map((key) => h("kbd", {}, key))), h("dd", {}, t(words))]);
  const chosen = h("input", { type: "checkbox", checked: recall(NAME, true), onchange: (event) => remember(NAME, event.target.checked) });
  const dialog = h("dialog", { class: "keys", "aria-labelledby": "keys-head" }, h("h2", { id: "keys-head" }, t("keys")), h("dl", {}, rows), h("label", { class: "switch" }, chosen, t("keys_on")), button(t("close"), () => dialog.close()));
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
}
