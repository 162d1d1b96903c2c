// What Temml makes of a formula, as elements. Only what is listed here gets into the page: no link, no id, no address,
// and styles one by one, since the page forbids style attributes.

const MATHML = "http://www.w3.org/1998/Math/MathML";
const DEEPEST = 40; // elements in each other; browsers lay out deeper ones slowly or not at all
const MOST = 8000; // elements of one formula
const LARGEST = 100; // of any measure, in em or whatever it is in: no formula is to push the page away
const TAGS = new Set([
  "math", "menclose", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mphantom", "mprescripts", "mroot",
  "mrow", "ms", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr", "munder",
  "munderover", "none",
]);
const ATTRIBUTES = new Set([
  "accent", "accentunder", "columnalign", "columnlines", "columnspacing", "columnspan", "depth", "display", "displaystyle",
  "fence", "form", "height", "largeop", "linebreak", "linethickness", "lspace", "mathbackground", "mathcolor", "mathsize",
  "mathvariant", "maxsize", "minsize", "movablelimits", "notation", "rowspacing", "rspace", "scriptlevel", "separator",
  "stretchy", "symmetric", "voffset", "width",
]);
const STYLES = new Set([
  "border", "borderBottom", "borderColor", "borderLeft", "borderRight", "borderStyle", "borderTop", "borderWidth", "bottom",
  "color", "display", "fontWeight", "height", "justifyContent", "left", "marginLeft", "marginRight", "mathDepth", "minWidth",
  "padding", "paddingBottom", "paddingLeft", "paddingRight", "paddingTop", "position", "right", "textAlign", "transform",
  "verticalAlign", "whiteSpace", "width",
]);

/** A formula is too large, or has something in it that no formula has. */
export class MathError extends Error {
  constructor(message) {
    super(message);
    this.name = "MathError";
  }
}

function elementOf({ type }) {
  if (type === undefined) return document.createElement("span");
  if (!TAGS.has(type)) throw new MathError(`A formula may not hold <${type}>.`);
  return document.createElementNS(MATHML, type);
}

/** An element of ours for Temml's `tree`. Throws MathError. */
export function toElement(tree) {
  let left = MOST;

  function convert(part, depth) {
    if (left-- === 0 || depth > DEEPEST) throw new MathError("The formula is too large.");
    if (part.text !== undefined) return document.createTextNode(part.text);
    const isTransparent = part.type === undefined && part.attributes === undefined; // a fragment, or a reference's link
    const node = isTransparent ? document.createDocumentFragment() : elementOf(part);
    if (!isTransparent) dress(node, part);
    node.append(...part.children.map((child) => convert(child, depth + 1)));
    return node;
  }

  return convert(tree, 0);
}

function isHuge(value) {
  const measures = String(value).match(/\d+(?:\.\d+)?(?=(?:em|ex|pt|px|pc|in|cm|mm)\b)/g) ?? [];
  return measures.some((measure) => Number(measure) > LARGEST);
}

function dress(node, { attributes = {}, classes = [], style = {} }) {
  if ([...Object.values(attributes), ...Object.values(style)].some(isHuge)) throw new MathError("The formula is too large.");
  const names = classes.filter(Boolean);
  if (names.length) node.setAttribute("class", names.join(" "));
  for (const [name, value] of Object.entries(attributes)) if (ATTRIBUTES.has(name)) node.setAttribute(name, value);
  for (const [name, value] of Object.entries(style)) if (STYLES.has(name)) node.style[name] = value;
}
