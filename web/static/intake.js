// What a person sends: files or a folder dropped anywhere, pasted or chosen files, a photograph, addresses.

import { note } from "./announce.js";
import { button, h } from "./dom.js";
import { clearFileOptions, readingOptions } from "./reading_options.js";
import { sendAddresses, sendFiles } from "./sending.js";
import { t } from "./words.js";

const ACCEPTED = "image/*,.pdf,.tif,.tiff,.heic,.heif,.jp2,.j2k,.avif";
const MOST_AT_ONCE = 5000; // files

let then = { open: () => {}, list: () => {} };

/** Listens to the whole page. `open(id)`: one thing was sent, and is shown; `list()`: several were sent. */
export function takeFromAnywhere(views) {
  then = views;
  let depth = 0;
  const mark = (on) => document.documentElement.classList.toggle("dropping", on);
  document.addEventListener("dragenter", (event) => hasFiles(event) && (event.preventDefault(), (depth += 1), mark(true)));
  document.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  document.addEventListener("dragleave", () => mark((depth = Math.max(0, depth - 1)) > 0));
  document.addEventListener("drop", async (event) => {
    depth = 0;
    mark(false);
    if (!hasFiles(event)) return;
    event.preventDefault();
    const { files, unread } = await droppedFiles(event.dataTransfer);
    take(files, unread);
  });
  document.addEventListener("paste", (event) => {
    if (event.target.closest?.("input, textarea")) return;
    const files = [...event.clipboardData.files];
    if (files.length) take(files.map(named));
    else takeAddresses(event.clipboardData.getData("text"));
  });
}

const hasFiles = (event) => event.dataTransfer?.types.includes("Files");

/** Browsers call every pasted picture the same. */
function named(file) {
  if (file.name && file.name !== "image.png") return file;
  const time = new Date().toTimeString().slice(0, 8).replaceAll(":", "-");
  return new File([file], `pasted ${time}.${file.type.split("/")[1] ?? "png"}`, { type: file.type });
}

/** The files, and how many things in folders could not be read. */
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

/** Whether it is not one of those that folders hold for their own purposes. */
const isWanted = ({ name }) => !/^\.|^Thumbs\.db$/.test(name);

/** Sends files with the options shown, and says what is left out. `unread`: how many things could not be read. */
export function take(files, unread = 0) {
  const wanted = files.filter(isWanted);
  const left = [unread && t("unread_files", { n: unread }), wanted.length > MOST_AT_ONCE && t("too_many_files", { n: MOST_AT_ONCE })];
  if (left.some(Boolean)) note(left.filter(Boolean).join(" "));
  if (wanted.length) hand(sendFiles, wanted.slice(0, MOST_AT_ONCE));
}

function hand(send, things) {
  const here = location.hash;
  const alone = things.length === 1;
  send(things, readingOptions(), (id) => alone && location.hash === here && then.open(id)); // who went elsewhere stays there
  clearFileOptions();
  if (!alone) then.list();
}

function addressesIn(text) {
  const lines = text.split(/\s+/).filter(Boolean);
  return lines.length && lines.every((line) => /^https?:\/\/\S+$/i.test(line)) ? lines : [];
}

/** Sends the addresses in a text; false where it holds anything else. */
function takeAddresses(text) {
  const urls = addressesIn(text);
  if (urls.length) hand(sendAddresses, urls);
  return urls.length > 0;
}

/** The drop area with its buttons. `limits`: an element that says what is accepted. */
export function dropZone(limits) {
  const picker = (properties) => h("input", { type: "file", hidden: true, onchange: (event) => (take([...event.target.files]), (event.target.value = "")), ...properties });
  const files = picker({ multiple: true, accept: ACCEPTED, id: "choose-files" });
  const folder = picker({ webkitdirectory: true, id: "choose-folder" });
  const photo = picker({ accept: "image/*", capture: "environment", id: "take-photo" });
  const addresses = addressForm();
  const opener = button(t("addresses"), () => toggle(opener, addresses), { drawing: "link", "aria-expanded": "false", "aria-controls": "addresses" });
  return h(
    "div",
    { class: "drop", id: "drop" },
    h("p", { class: "drop-words with-mouse" }, t("drop_here")),
    h("p", { class: "drop-words with-touch" }, t("drop_here_touch")),
    h("p", { class: "soft with-mouse" }, t("paste_hint"), " ", h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "V")),
    h(
      "div",
      { class: "drop-buttons" },
      button(t("photo"), () => photo.click(), { drawing: "camera", kind: "main with-touch" }),
      button(t("choose_files"), () => files.click(), { drawing: "add", kind: "main-with-mouse" }),
      button(t("choose_folder"), () => folder.click(), { drawing: "folder", kind: "with-mouse" }),
      opener,
    ),
    addresses,
    limits,
    [files, folder, photo],
  );
}

function addressForm() {
  const words = h("span", {}, t("send_addresses", { n: 0 }));
  const send = h("button", { type: "submit", class: "button main", disabled: true }, words);
  const area = h("textarea", { rows: 3, spellcheck: "false", "aria-label": t("addresses"), "aria-describedby": "address-hint", placeholder: "https://example.com/page-1.jpg" });
  area.addEventListener("input", () => {
    const count = addressesIn(area.value).length;
    words.textContent = t("send_addresses", { n: count });
    send.disabled = count === 0;
  });
  const submit = (event) => {
    event.preventDefault();
    if (!takeAddresses(area.value)) return;
    area.value = "";
    area.dispatchEvent(new Event("input"));
  };
  return h("form", { class: "addresses", id: "addresses", hidden: true, onsubmit: submit }, area, h("div", { class: "row" }, h("span", { class: "soft small", id: "address-hint" }, t("address_hint")), send));
}

function toggle(opener, panel) {
  panel.hidden = !panel.hidden;
  opener.setAttribute("aria-expanded", String(!panel.hidden));
  if (!panel.hidden) panel.querySelector("textarea").focus();
}
