// The picture of a page with the boxes of its blocks; without one, they are drawn on a sheet of its shape.

import { root, service } from "./api.js";
import { button, h, press, setText } from "./dom.js";
import { labelKind, labelWords } from "./labels.js";
import { recall, remember } from "./preferences.js";
import { sentPicture } from "./sending.js";
import { t } from "./words.js";

const WAITS = [30, 45]; // seconds; a page whose picture is not made by then is shown without
const IMAGE_CALL = "GET /ocr/{task_id}/pages/{page}/image";

export function pagePicture(id) {
  const sheet = h("div.sheet");
  const missing = h("p.notice", { hidden: true }, t("not_shown"));
  let size = [3, 4];
  let shown = "";
  let image = null;
  let own = ""; // the address of the file that this tab has sent

  const fit = (width, height) => {
    size = [width, height];
    sheet.style.setProperty("--ratio", width / height);
  };

  /** An image that is only taken out goes on being loaded, on one of the browser's few connections. */
  const stop = () => {
    image?.removeAttribute("src");
    image?.remove();
    image = null;
    URL.revokeObjectURL(own);
  };

  /** Tries its addresses in turn; the service makes it when it is asked. */
  const showImage = (page) => {
    stop();
    const isRead = page.status === "completed";
    const file = page.page === 1 && sentPicture(id);
    own = file ? URL.createObjectURL(file) : "";
    const made = isRead && service.index && IMAGE_CALL in service.index.endpoints ? WAITS : [];
    const addresses = [own, ...made.map((wait) => `${root}ocr/${id}/pages/${page.page}/image?wait=${wait}`)].filter(Boolean);
    const next = () => {
      missing.hidden = addresses.length > 0 || !isRead;
      if (addresses.length) image.src = addresses.shift();
      else stop();
    };
    const loading = (image = h("img", { alt: t("picture_of", { n: page.page }), decoding: "async" }));
    loading.onerror = () => loading === image && next();
    loading.onload = () => {
      if (!page.width && loading === image) fit(image.naturalWidth, image.naturalHeight); // until it is read
    };
    sheet.prepend(image);
    next();
  };

  const show = (page, blocks) => {
    if (page.width && page.height) fit(page.width, page.height);
    sheet.querySelectorAll(".box").forEach((box) => box.remove());
    sheet.append(...boxesOf(blocks, size));
    const key = `${page.page} ${page.status}`;
    if (shown !== key) showImage(page);
    shown = key;
  };

  const element = h("div.desk-frame", missing, h("div.desk", sheet));
  const toggleZoom = () => setText(zoom.firstChild, t(element.classList.toggle("fit-width") ? "fit_page" : "fit_width"));
  const zoom = button(t("fit_width"), toggleZoom, "", "quiet");
  const showBoxes = (on) => {
    remember("boxes", on);
    press(boxes, on);
    element.classList.toggle("no-boxes", !on);
  };
  const boxes = button(t("boxes"), () => showBoxes(!recall("boxes", true)), "boxes", "quiet", { id: "boxes" });
  showBoxes(recall("boxes", true));

  return {
    element,
    buttons: [zoom, boxes],
    show,
    cut: ({ boxes: [box] }) => image && box && cutOut(image, size, box),
    stop,
  };
}

/** The largest first, so that those inside can be pointed at. Keys use the blocks. */
function boxesOf(blocks, [width, height]) {
  const all = blocks.flatMap(({ label, boxes }, index) => boxes.map(([left, upper, right, lower]) => ({ label, index, left, upper, wide: right - left, high: lower - upper })));
  all.sort((one, other) => other.wide * other.high - one.wide * one.high);
  return all.map(({ label, index, left, upper, wide, high }) => {
    const style = { left: share(left / width), top: share(upper / height), width: share(wide / width), height: share(high / height) };
    return h(`div.box.${labelKind(label)}`, { "data-block": index, "aria-hidden": "true", style }, h("span", labelWords(label)));
  });
}

const share = (of) => `${100 * of}%`;

function cutOut(image, [width, height], [left, upper, right, lower]) {
  const [wide, high] = [right - left, lower - upper];
  if (wide <= 0 || high <= 0) return null;
  const style = { width: share(width / wide), height: share(height / high), left: share(-left / wide), top: share(-upper / high) };
  const copy = h("img", { alt: "", style });
  const fill = () => (copy.src = image.src); // once it is loaded: pieces ask for nothing themselves
  if (image.complete && image.naturalWidth) fill();
  else image.addEventListener("load", fill, { once: true });
  return h("div.cut-out", { style: { aspectRatio: wide / high } }, copy);
}
