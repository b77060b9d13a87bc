// What a person has chosen, kept by this browser. A private window may refuse to keep anything: then it holds while the page is open.

const PREFIX = "ocr-celery.";
const unkept = new Map();

/** What was kept under a name, or `otherwise`. */
export function recall(name, otherwise) {
  if (unkept.has(name)) return unkept.get(name); // later than what is kept
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Keeps a value that JSON can hold. */
export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
    unkept.delete(name);
  } catch {
    unkept.set(name, value);
  }
}

/** Calls back when another tab has kept something under a name. */
export function onRemembered(name, changed) {
  addEventListener("storage", (event) => event.key === PREFIX + name && changed());
}

/** The theme that is shown: the one chosen, else the system's. */
export const isDark = () => recall("theme", matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light") === "dark";

/** Shows the theme that was chosen, if one was. */
export function applyTheme() {
  const chosen = recall("theme", "");
  if (chosen) document.documentElement.dataset.theme = chosen;
}
