// The only place where text becomes HTML. The service has sanitised it; here it is parsed once more, in a document that runs and
// loads nothing, and copied by a fixed list of elements and attributes. So the page needs one Trusted Types policy, whose result
// reaches no sink but that parser.

import { h } from "./dom.js";

const MATHML = "http://www.w3.org/1998/Math/MathML";
const words = (list) => new Set(list.split(" "));
const ELEMENTS = words(
  "p br hr h1 h2 h3 h4 h5 h6 ul ol li dl dt dd blockquote pre code strong em b i u s del ins sub sup small mark div span a " +
    "table caption thead tbody tfoot tr th td",
);
const MATH = words(
  "math mrow mi mn mo mtext mspace ms msup msub msubsup mfrac msqrt mroot mtable mtr mtd mover munder munderover mpadded " +
    "mphantom menclose mmultiscripts mprescripts none mstyle semantics",
);
const DROPPED = words("script style template iframe object embed svg img video audio noscript title annotation annotation-xml");
const ATTRIBUTES = { a: ["href"], ol: ["start"], td: ["colspan", "rowspan"], th: ["colspan", "rowspan"] };
const MATH_ATTRIBUTES = words(
  "display mathvariant stretchy fence separator accent accentunder form largeop movablelimits symmetric columnalign rowlines columnlines " +
    "lspace rspace width height depth voffset minsize maxsize linethickness notation displaystyle scriptlevel",
);
// the name of the document is the only heading of the first rank
const LOWER = { h1: "h2", h2: "h3", h3: "h4", h4: "h5", h5: "h6" };
const MAX_DEPTH = 60;
const MAX_NODES = 20_000;

const policy = globalThis.trustedTypes?.createPolicy("ocr-blocks", { createHTML: (text) => text });

/** The HTML of a block as elements that can do no harm; raises RangeError for what is too large or nested too deeply. */
export function safeHtml(html) {
  const parsed = new DOMParser().parseFromString(policy ? policy.createHTML(html) : html, "text/html");
  const room = { left: MAX_NODES };
  const fragment = document.createDocumentFragment();
  addChildren(fragment, parsed.body, room, 0);
  return fragment;
}

function addChildren(target, source, room, depth) {
  if (depth > MAX_DEPTH) throw new RangeError("nested too deeply");
  for (const node of source.childNodes) {
    if ((room.left -= 1) < 0) throw new RangeError("too many elements");
    if (node.nodeType === Node.TEXT_NODE) target.append(node.data);
    else if (node.nodeType === Node.ELEMENT_NODE) addElement(target, node, room, depth);
  }
}

function addElement(target, node, room, depth) {
  const name = node.localName;
  if (DROPPED.has(name)) return;
  const copy = copyOf(node, name);
  addChildren(copy ?? target, node, room, depth + 1); // of any other element only what it holds
  if (copy) target.append(name === "table" ? h("div", { class: "wide" }, copy) : copy);
}

function copyOf(node, name) {
  if (node.namespaceURI === MATHML && MATH.has(name)) {
    const copy = document.createElementNS(MATHML, name);
    for (const { name: key, value } of node.attributes) if (MATH_ATTRIBUTES.has(key)) copy.setAttribute(key, value);
    return copy;
  }
  if (!ELEMENTS.has(name)) return null;
  const copy = document.createElement(LOWER[name] ?? name);
  for (const key of ATTRIBUTES[name] ?? []) setAttribute(copy, key, node.getAttribute(key));
  return copy;
}

function setAttribute(copy, key, value) {
  if (value === null) return;
  if (key !== "href") {
    if (/^\d{1,4}$/.test(value)) copy.setAttribute(key, value);
  } else if (/^https?:\/\//i.test(value)) {
    copy.setAttribute("href", value);
    copy.setAttribute("rel", "noopener noreferrer nofollow");
    copy.setAttribute("target", "_blank");
  }
}
