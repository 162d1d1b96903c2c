// The few ways in which this page makes elements. No HTML strings here.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

/** An element with a class, attributes and children (strings become text). */
export function element(tag, { className = "", children = [], ...attributes } = {}) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Writes only what changed: the same text anew would have the page laid out again. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** One of the drawings at the top of index.html, in the colour of the text around it. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** A button with an icon; with `text` it is shown, otherwise `label` is its name and tooltip. */
export function iconButton(name, { text = "", label = text, className = "", onClick }) {
  const button = element("button", { type: "button", className, children: text ? [icon(name), text] : [icon(name)] });
  if (!text) {
    button.setAttribute("aria-label", label);
    button.title = label;
  }
  button.addEventListener("click", onClick);
  return button;
}
