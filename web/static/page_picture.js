// The picture of a page with the boxes of its blocks. Without a picture, the boxes are drawn on an empty sheet of the same shape.

import { root } from "./api.js";
import { h, isNarrow, mark, scrolling } from "./dom.js";
import { labelKind, labelWords } from "./labels.js";
import { sentPicture } from "./sending.js";
import { hasCall } from "./service.js";
import { t } from "./words.js";

const WAITS = [30, 45]; // seconds; a page whose picture is not made by then is shown without
const IMAGE_CALL = "GET /ocr/{task_id}/pages/{page}/image";

/** Where a page's picture can be had: addresses to be tried in turn, and what frees them. The service makes it when it is asked. */
function sourcesOf(id, page) {
  const isThere = hasCall(IMAGE_CALL) && page.status === "completed";
  const made = isThere ? WAITS.map((wait) => `${root}ocr/${id}/pages/${page.page}/image?wait=${wait}`) : [];
  const own = sentPicture(id);
  const address = own && page.page === 1 ? URL.createObjectURL(own) : "";
  return { addresses: address ? [address, ...made] : made, free: () => address && URL.revokeObjectURL(address) };
}

/** The picture view: { element, show, fit, light, reveal, stop }. `onPick(index)`: a box was chosen. */
export function pagePicture(id, { onPick, onHover }) {
  const sheet = h("div", { class: "sheet" });
  const missing = h("p", { class: "notice", hidden: true }, t("not_shown"));
  const desk = h("div", { class: "desk" }, sheet);
  const element = h("div", { class: "desk-frame" }, missing, desk);
  const state = { size: [3, 4], zoom: "page", free: () => {}, shown: "", image: null };

  const fit = () => {
    const [width, height] = state.size;
    const style = getComputedStyle(desk);
    const room = [desk.clientWidth - 2 * parseFloat(style.paddingLeft), desk.clientHeight - 2 * parseFloat(style.paddingTop)];
    if (room[0] <= 0) return;
    const scale = state.zoom === "page" && !isNarrow() ? Math.min(room[0] / width, room[1] / height) : room[0] / width;
    sheet.style.setProperty("width", `${Math.floor(width * scale)}px`);
    sheet.style.setProperty("height", `${Math.floor(height * scale)}px`);
  };

  const show = (page, blocks) => {
    state.size = page.width && page.height ? [page.width, page.height] : state.size;
    sheet.querySelectorAll(".box").forEach((box) => box.remove());
    sheet.append(...boxes(blocks, state.size, { onPick, onHover }));
    const key = `${page.page} ${page.status}`;
    if (state.shown !== key) showImage(page, key);
    fit();
  };

  /** An image that is only taken out of the document goes on being loaded, and keeps one of the browser's few connections busy. */
  const dropImage = () => {
    state.image?.removeAttribute("src");
    state.image?.remove();
    state.image = null;
    state.free();
  };

  const showImage = (page, key) => {
    dropImage();
    state.shown = key;
    const { addresses, free } = sourcesOf(id, page);
    state.free = free;
    missing.hidden = addresses.length > 0 || page.status !== "completed";
    if (!addresses.length) return;
    const image = h("img", { alt: t("picture_of", { n: page.page }), decoding: "async" });
    image.addEventListener("load", () => {
      if (page.width || image !== state.image) return;
      state.size = [image.naturalWidth, image.naturalHeight]; // until it is read
      fit();
    });
    const next = () => {
      const address = addresses.shift();
      if (address) image.src = address;
      else (dropImage(), (missing.hidden = page.status !== "completed"));
    };
    image.addEventListener("error", () => image === state.image && next());
    state.image = image;
    next();
    sheet.prepend(image);
  };

  const watching = new ResizeObserver(fit);
  watching.observe(desk);
  return {
    element,
    show,
    zoom: (how) => ((state.zoom = how), fit()),
    image: () => state.image,
    size: () => state.size,
    light: (index) => mark(sheet, index, "lit"),
    reveal: (index) => sheet.querySelector(`.box[data-block="${index}"]`)?.scrollIntoView({ block: "nearest", inline: "nearest", behavior: scrolling() }),
    stop: () => (watching.disconnect(), dropImage()),
  };
}

/** The boxes, the largest first, so that those inside others can be pointed at. They are for the pointer: keys use the blocks. */
function boxes(blocks, [width, height], { onPick, onHover }) {
  const all = blocks.flatMap((block, index) => block.boxes.map((box) => ({ block, index, box })));
  const area = ({ box: [left, upper, right, lower] }) => (right - left) * (lower - upper);
  all.sort((one, other) => area(other) - area(one));
  return all.map(({ block, index, box: [left, upper, right, lower] }) =>
    h(
      "div",
      {
        class: `box ${labelKind(block.label)}`,
        "data-block": index,
        "aria-hidden": "true",
        style: { left: `${(100 * left) / width}%`, top: `${(100 * upper) / height}%`, width: `${(100 * (right - left)) / width}%`, height: `${(100 * (lower - upper)) / height}%` },
        onclick: () => onPick(index),
        onpointerenter: (event) => event.pointerType !== "touch" && onHover(index),
        onpointerleave: () => onHover(null),
      },
      h("span", {}, labelWords(block.label)),
    ),
  );
}

/** What a box holds, cut out of the picture that is shown; null where there is none. */
export function cutOut(image, [width, height], [left, upper, right, lower]) {
  if (!image || right <= left || lower <= upper) return null;
  const [wide, high] = [(right - left) / width, (lower - upper) / height];
  const copy = h("img", { alt: "", style: { width: `${100 / wide}%`, height: `${100 / high}%`, left: `${(-100 * left) / width / wide}%`, top: `${(-100 * upper) / height / high}%` } });
  const fill = () => (copy.src = image.src); // once it is loaded: pieces ask for nothing themselves
  if (image.complete && image.naturalWidth) fill();
  else image.addEventListener("load", fill, { once: true });
  return h("div", { class: "cut-out", style: { "aspect-ratio": `${right - left} / ${lower - upper}` } }, copy);
}
