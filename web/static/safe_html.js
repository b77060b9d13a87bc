// The only place where text becomes HTML. The service has sanitised it; here it is parsed once more, in a document that runs
// nothing, and copied by a fixed list: the one Trusted Types policy reaches no sink but that parser.

import { h } from "./dom.js";

const MATHML = "http://www.w3.org/1998/Math/MathML";
const words = (list) => new Set(list.split(" "));
const ELEMENTS = words(
  "p br hr h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code strong em b i u s del sub sup a table thead tbody tr th td",
);
const MATH = words(
  "math mrow mi mn mo mtext mspace ms msup msub msubsup mfrac msqrt mroot mtable mtr mtd mover munder munderover mpadded " +
    "mphantom menclose mmultiscripts mprescripts none mstyle",
);
const DROPPED = words("script style template iframe object embed svg img video audio noscript title annotation annotation-xml");
const NUMBERS = words("start colspan rowspan");
const MATH_ATTRIBUTES = words(
  "display mathvariant stretchy fence separator accent accentunder form largeop movablelimits symmetric columnalign rowlines " +
    "columnlines lspace rspace width height depth voffset minsize maxsize linethickness notation displaystyle scriptlevel",
);
// the name of the document is the only heading of the first rank
const LOWER = { h1: "h2", h2: "h3", h3: "h4", h4: "h5", h5: "h6" };
const MAX_DEPTH = 60;
const MAX_NODES = 20_000;

const policy = globalThis.trustedTypes?.createPolicy("ocr-blocks", { createHTML: (text) => text });

/** Raises RangeError for what is too large or nested too deeply. */
export function safeHtml(html) {
  const parsed = new DOMParser().parseFromString(policy ? policy.createHTML(html) : html, "text/html");
  const fragment = document.createDocumentFragment();
  addChildren(fragment, parsed.body, { left: MAX_NODES }, 0);
  return fragment;
}

function addChildren(target, source, room, depth) {
  if (depth > MAX_DEPTH) throw new RangeError("nested too deeply");
  for (const node of source.childNodes) {
    if ((room.left -= 1) < 0) throw new RangeError("too many elements");
    if (node.nodeType === Node.TEXT_NODE) target.append(node.data);
    if (node.nodeType !== Node.ELEMENT_NODE || DROPPED.has(node.localName)) continue;
    const copy = copyOf(node);
    addChildren(copy ?? target, node, room, depth + 1); // of any other element only what it holds
    if (copy) target.append(copy.localName === "table" ? h("div.wide", copy) : copy);
  }
}

function copyOf(node) {
  const name = node.localName;
  const isMath = node.namespaceURI === MATHML && MATH.has(name);
  if (!isMath && !ELEMENTS.has(name)) return null;
  const copy = isMath ? document.createElementNS(MATHML, name) : document.createElement(LOWER[name] ?? name);
  for (const { name: key, value } of node.attributes) {
    if (isMath ? MATH_ATTRIBUTES.has(key) : NUMBERS.has(key) && /^\d{1,4}$/.test(value)) copy.setAttribute(key, value);
    else if (name === "a" && key === "href" && /^https?:\/\//i.test(value)) Object.assign(copy, { href: value, rel: "noopener noreferrer nofollow", target: "_blank" });
  }
  return copy;
}
