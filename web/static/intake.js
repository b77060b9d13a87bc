// What a person drops, pastes, chooses, photographs.

import { note } from "./announce.js";
import { button, h } from "./dom.js";
import { clearFileOptions, readingOptions } from "./reading_options.js";
import { open } from "./recent.js";
import { send } from "./sending.js";
import { t } from "./words.js";

const ACCEPTED = "image/*,.pdf,.tif,.tiff,.heic,.heif,.jp2,.j2k,.avif";
const MOST_AT_ONCE = 5000; // files

export function takeFromAnywhere() {
  let depth = 0;
  const onFiles = (name, act) => document.addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    act(event.dataTransfer);
    document.documentElement.classList.toggle("dropping", depth > 0);
  });
  onFiles("dragenter", () => (depth += 1));
  onFiles("dragover", () => {});
  onFiles("dragleave", () => (depth = Math.max(0, depth - 1)));
  onFiles("drop", (transfer) => {
    depth = 0;
    droppedFiles(transfer).then(({ files, unread }) => takeFiles(files, unread));
  });
  document.addEventListener("paste", ({ target, clipboardData }) => {
    if (target.closest?.("input, textarea")) return;
    if (clipboardData.files.length) takeFiles([...clipboardData.files].map(named));
    else take(addressesIn(clipboardData.getData("text")));
  });
}

/** Browsers call every pasted picture the same. */
function named(file) {
  if (file.name && file.name !== "image.png") return file;
  const time = new Date().toTimeString().slice(0, 8).replaceAll(":", "-");
  return new File([file], `pasted ${time}.${file.type.split("/")[1] ?? "png"}`, { type: file.type });
}

async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()); // before the first await: it is empty afterwards
  if (!entries.some((entry) => entry?.isDirectory)) return { files: [...transfer.files], unread: 0 };
  const found = { files: [], unread: 0 };
  for (const entry of entries) if (entry) await collect(entry, found);
  return found;
}

async function collect(entry, found) {
  if (found.files.length > MOST_AT_ONCE) return; // one more than is taken: there are more
  try {
    if (!entry.isFile) await collectInside(entry.createReader(), found);
    else if (isWanted(entry)) found.files.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
  } catch {
    found.unread += 1; // the others are taken
  }
}

async function collectInside(reader, found) {
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // at most 100 at once
    if (!some.length) return;
    for (const inside of some) await collect(inside, found);
  }
}

const isWanted = ({ name }) => !/^\.|^Thumbs\.db$/.test(name);

function takeFiles(files, unread = 0) {
  const wanted = files.filter(isWanted);
  const left = [unread && t("unread_files", { n: unread }), wanted.length > MOST_AT_ONCE && t("too_many_files", { n: MOST_AT_ONCE })];
  if (left.some(Boolean)) note(left.filter(Boolean).join(" "));
  take(wanted.slice(0, MOST_AT_ONCE));
}

/** Sends what is shown with the options. One is opened, several are listed. */
function take(things) {
  if (!things.length) return;
  const here = location.hash;
  const isAlone = things.length === 1;
  send(things, readingOptions(), (id) => isAlone && location.hash === here && open(id)); // who went elsewhere stays there
  clearFileOptions();
  if (!isAlone) location.hash = "#/";
}

function addressesIn(text) {
  const lines = text.split(/\s+/).filter(Boolean);
  return lines.every((line) => /^https?:\/\/\S+$/i.test(line)) ? lines : [];
}

export function dropZone(limits) {
  const choosing = (words, drawing, kind, properties) => {
    const take = ({ target }) => (takeFiles([...target.files]), (target.value = ""));
    const input = h("input", { type: "file", hidden: true, onchange: take, ...properties });
    return [button(t(words), () => input.click(), drawing, kind), input];
  };
  const addresses = addressForm();
  const toggle = () => {
    addresses.hidden = !addresses.hidden;
    opener.ariaExpanded = !addresses.hidden;
    if (!addresses.hidden) addresses.querySelector("textarea").focus();
  };
  const opener = button(t("addresses"), toggle, "link", "", { "aria-expanded": "false", "aria-controls": "addresses" });
  return h(
    "div.drop",
    { id: "drop" },
    h("p.drop-words.with-mouse", t("drop_here")),
    h("p.drop-words.with-touch", t("drop_here_touch")),
    h("p.soft.with-mouse", t("paste_hint"), " ", h("kbd", "Ctrl"), " ", h("kbd", "V")),
    h(
      "div.drop-buttons",
      choosing("photo", "camera", "main with-touch", { accept: "image/*", capture: "environment" }),
      choosing("choose_files", "add", "main-with-mouse", { id: "choose-files", multiple: true, accept: ACCEPTED }),
      choosing("choose_folder", "folder", "with-mouse", { webkitdirectory: true }),
      opener,
    ),
    addresses,
    limits,
  );
}

function addressForm() {
  const words = h("span");
  const send = h("button.button.main", words);
  const count = () => {
    const n = addressesIn(area.value).length;
    words.textContent = t("send_addresses", { n });
    send.disabled = !n;
  };
  const submit = (event) => {
    event.preventDefault();
    take(addressesIn(area.value));
    area.value = "";
    count();
  };
  const area = h("textarea", { rows: 3, spellcheck: "false", "aria-label": t("addresses"), "aria-describedby": "address-hint", placeholder: "https://example.com/page-1.jpg", oninput: count });
  count();
  return h("form.addresses", { id: "addresses", hidden: true, onsubmit: submit }, area, h("div.row", h("span.soft.small", { id: "address-hint" }, t("address_hint")), send));
}
