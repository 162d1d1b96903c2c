// Markdown that a model writes, made safe and shown. The text is hostile until proven otherwise: no raw HTML,
// no image, no link but http, https and mailto. While it grows, only its last block is made anew.
import { Lexer, Marked } from "../vendor/marked/marked.js";
import DOMPurify from "../vendor/dompurify/purify.js";
import { copyButton } from "./clipboard.js";
import { element } from "./dom.js";
import { highlight } from "./highlight.js";
import { t } from "./i18n.js";
import { showFormulas } from "./math.js";
import { formulas, hasBegun } from "./tex-marks.js";

const PLAIN_TAG = /^<\/?(?:b|br|del|em|i|kbd|mark|s|small|strong|sub|sup|u)\s*\/?>$/i;
const DEFINITION = /^ {0,3}\[[^\]\n]+\]:/m;
const UNDECIDED = 16; // characters; a shorter last line may still join the block before it, as "2" becomes "2. item"
const COLOUR_EVERY_MS = 400;
const COLOUR_WHILE_GROWING = 6000; // characters

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escapeHtml = (text) => text.replace(/[&<>"']/g, (sign) => ENTITIES[sign]);

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text }) => (PLAIN_TAG.test(text.trim()) ? text : escapeHtml(text)),
    image: ({ href, text }) => `<a href="${escapeHtml(href)}">${escapeHtml(text || href)}</a>`,
  },
});

/** math.js draws what stands in these; no other code has this class. */
function formulaHtml(formula) {
  if (!formula) return '<code class="math begun"></code>';
  return `<code class="math ${formula.isDisplay ? "display" : "inline"}">${escapeHtml(formula.tex)}</code>`;
}
marked.use(formulas(formulaHtml));

const SAFE = {
  ALLOWED_TAGS: [
    "a", "b", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "input", "kbd", "li",
    "mark", "ol", "p", "pre", "s", "small", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "u", "ul",
  ],
  ALLOWED_ATTR: ["align", "checked", "class", "disabled", "href", "start", "type"],
  ADD_URI_SAFE_ATTR: ["align", "checked", "disabled", "start", "type"],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

const purify = DOMPurify(window);
purify.addHook("afterSanitizeAttributes", (node) => {
  if (node.nodeName === "A" && node.hasAttribute("href")) {
    node.setAttribute("target", "_blank");
    node.setAttribute("rel", "noopener noreferrer");
  }
  if (node.nodeName === "INPUT" && node.getAttribute("type") !== "checkbox") node.remove();
  if (node.nodeName !== "CODE") node.removeAttribute("class");
});

/** A frame with a copy button around `code`, which may still grow. */
export function codeBlock(text, label) {
  const code = element("code", { children: [text] });
  const title = element("span", { children: [label || t("code.plain")] });
  const head = element("div", { className: "code-head", children: [title, copyButton(() => code.textContent, { text: t("code.copy") })] });
  const pre = element("pre", { tabindex: "0", children: [code] });
  return { block: element("div", { className: "code", dir: "ltr", children: [head, pre] }), code };
}

function decorateCode(fragment) {
  for (const pre of fragment.querySelectorAll("pre")) {
    const source = pre.querySelector("code");
    const text = (source ?? pre).textContent.replace(/\n$/, "");
    const label = /language-(\S+)/.exec(source?.className ?? "")?.[1].toLowerCase() ?? "";
    const { block, code } = codeBlock(text, label);
    pre.replaceWith(block);
    highlight(code, text, label);
  }
}

function decorateTables(fragment) {
  for (const table of fragment.querySelectorAll("table")) {
    const frame = element("div", { className: "table", tabindex: "0" });
    table.replaceWith(frame);
    frame.append(table);
  }
}

function toFragment(token) {
  const fragment = purify.sanitize(marked.parser([token]), SAFE);
  showFormulas(fragment);
  decorateCode(fragment);
  decorateTables(fragment);
  return fragment;
}

/** What marked makes of a text; for those who want its words and not its looks. */
export const tokensOf = (text) => new Lexer(marked.defaults).lex(text);

const isShown = (token) => token.type !== "space" && token.type !== "def";
const labelOf = (token) => (token.lang ?? "").trim().split(/\s/)[0].toLowerCase();

/** Shows one growing text in `container`. Call render() with the whole text so far, the last time with isFinal. */
export class MarkdownStream {
  #container;
  #settled = 0; // characters whose blocks are never touched again
  #tail = null; // the element of the last block
  #open = null; // {code, shown, label, colouredAt} while the last block is code
  #links = {};

  constructor(container) {
    this.#container = container;
  }

  render(text, isFinal) {
    if (isFinal && DEFINITION.test(text)) this.#restart();
    const source = text.slice(this.#settled);
    const tokens = this.#lex(source.replace(/\r\n?/g, "\n"), !isFinal);
    const shown = tokens.filter(isShown);
    const last = shown.at(-1);
    if (!last) return;
    const isUndecided = !isFinal && (source.includes("\r") || (last.raw.length < UNDECIDED && !last.raw.includes("\n")));
    if (shown.length === 1) this.#showTail(last, isFinal);
    else if (isUndecided) this.#showUndecided(shown);
    else this.#settle(tokens, shown, isFinal);
  }

  #restart() {
    this.#settled = 0;
    this.#links = {};
    this.#tail = this.#open = null;
    this.#container.replaceChildren();
  }

  #lex(source, isGrowing) {
    const lexer = new Lexer({ ...marked.defaults, isGrowing });
    Object.assign(lexer.tokens.links, this.#links);
    return lexer.lex(source);
  }

  #newTail() {
    this.#open = null;
    this.#tail = element("div", { dir: "auto" });
    this.#container.append(this.#tail);
  }

  /** All blocks but the last are final: the last gets an element of its own. */
  #settle(tokens, shown, isFinal) {
    for (const token of shown.slice(0, -1)) {
      const [closed] = hasBegun(token) ? this.#lex(token.raw, false).filter(isShown) : [token];
      this.#showTail(closed, true);
      this.#newTail();
    }
    const last = shown.at(-1);
    const before = tokens.slice(0, tokens.indexOf(last));
    this.#settled += before.reduce((length, token) => length + token.raw.length, 0);
    for (const { type, tag, href, title } of before) if (type === "def") this.#links[tag] ??= { href, title };
    this.#showTail(last, isFinal);
  }

  #showUndecided(shown) {
    if (!this.#tail) this.#newTail();
    this.#open = null;
    this.#tail.replaceChildren(...shown.map(toFragment));
  }

  #showTail(token, isFinal) {
    if (!this.#tail) this.#newTail();
    if (token.type === "code" && !isFinal) return this.#growCode(token);
    this.#open = null;
    this.#tail.replaceChildren(toFragment(token));
  }

  /** Only the new characters are appended; colours follow now and then while the block is short. */
  #growCode(token) {
    const label = labelOf(token);
    if (this.#open?.label !== label || !token.text.startsWith(this.#open.shown)) {
      const { block, code } = codeBlock("", label);
      this.#tail.replaceChildren(block);
      this.#open = { code, shown: "", label, colouredAt: performance.now() };
    }
    const open = this.#open;
    open.code.append(token.text.slice(open.shown.length));
    open.shown = token.text;
    const now = performance.now();
    if (now - open.colouredAt < COLOUR_EVERY_MS || open.shown.length > COLOUR_WHILE_GROWING) return;
    open.colouredAt = now;
    highlight(open.code, open.shown, label);
  }
}

/** Show a finished text in `container`. */
export function renderMarkdown(text, container) {
  container.replaceChildren();
  new MarkdownStream(container).render(text, true);
}
