// What a person has chosen, kept by this browser; where it refuses, while the page is open.

const PREFIX = "ocr-celery.";
const unkept = new Map();

export function recall(name, otherwise) {
  if (unkept.has(name)) return unkept.get(name); // later than what is kept
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
    unkept.delete(name);
  } catch {
    unkept.set(name, value);
  }
}

export const onRemembered = (name, changed) => addEventListener("storage", (event) => event.key === PREFIX + name && changed());

export const isDark = () => recall("theme", matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light") === "dark";

export function applyTheme() {
  const chosen = recall("theme", "");
  if (chosen) document.documentElement.dataset.theme = chosen;
}
