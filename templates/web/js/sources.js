// Below an answer: the passages of files that it was made from, numbered as it cites them.
import { splitCitations } from "./citations.js";
import { element, icon } from "./dom.js";
import { formatNumber, t } from "./i18n.js";

const OPEN_UP_TO = 4; // more than these are folded away at first
const NOT_IN = "a, button, code, pre, .math";

/** "report.pdf, page 3" */
const placeOf = ({ name, page }) => (page === null ? name : t("source.place", { name, page: formatNumber(page) }));

function citeButton(source, onOpen) {
  const label = t("source.go", { number: formatNumber(source.n), place: placeOf(source) });
  const button = element("button", { type: "button", className: "cite", "aria-label": label, title: placeOf(source), children: [`[${source.n}]`] });
  button.addEventListener("click", () => onOpen(source.n));
  return button;
}

/** Make buttons of the citations below `root`; onOpen(n) when one is pressed. Only texts are touched, and once. */
function linkCitations(root, sources, onOpen) {
  const byNumber = new Map(sources.map((source) => [source.n, source]));
  const texts = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) if (walker.currentNode.data.includes("[")) texts.push(walker.currentNode);
  for (const text of texts) {
    if (text.parentElement.closest(NOT_IN)) continue;
    const parts = splitCitations(text.data, byNumber);
    if (parts.length === 1 && typeof parts[0] === "string") continue;
    text.replaceWith(...parts.map((part) => (typeof part === "number" ? citeButton(byNumber.get(part), onOpen) : part)));
  }
}

function sourceRow(source) {
  const number = element("span", { className: "source-number", children: [formatNumber(source.n)] });
  const place = element("span", { className: "source-place", dir: "auto", children: [placeOf(source)] });
  const summary = element("summary", { children: [number, place, icon("next")] });
  const text = element("div", { className: "source-text", dir: "auto", children: [source.text] });
  return element("li", { children: [element("details", { children: [summary, text] })] });
}

/**
 * {item, show(sources), link(body, sources, isFinal)}: link() makes the citations in what is drawn of the answer lead
 * here. May be called again as the answer grows.
 */
export function createSources() {
  const words = element("span");
  const list = element("ol");
  const item = element("details", { className: "sources", children: [element("summary", { children: [words, icon("next")] }), list] });
  const rows = new Map(); // number -> row
  let shown = []; // the same ones may come again, when passages are open
  let linked = 0; // blocks of the answer, of which all but the last stay as they are

  function show(sources) {
    item.hidden = sources.length === 0;
    if (item.hidden || sources === shown || JSON.stringify(sources) === JSON.stringify(shown)) return;
    shown = sources;
    linked = 0;
    rows.clear();
    for (const source of sources) rows.set(source.n, sourceRow(source));
    words.textContent = t("source.title", { count: formatNumber(sources.length) });
    list.replaceChildren(...rows.values());
    item.open = sources.length <= OPEN_UP_TO;
  }

  function open(number) {
    const details = rows.get(number).firstElementChild;
    item.open = details.open = true;
    details.firstElementChild.focus({ preventScroll: true });
    details.scrollIntoView({ block: "nearest" });
  }

  function link(body, sources, isFinal) {
    if (sources.length === 0) return;
    const blocks = [...body.children];
    for (const block of blocks.slice(isFinal ? 0 : Math.min(linked, blocks.length - 1))) linkCitations(block, sources, open);
    linked = blocks.length - 1;
  }
  return { item, show, link };
}
