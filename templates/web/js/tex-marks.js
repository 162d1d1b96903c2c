// Where formulas are in Markdown: $…$, \(…\), $$…$$ and \[…\], as extensions of marked. Pure: only finds them.

const LONGEST = 5000; // characters of one formula
const LONGEST_INLINE = 500; // between single dollars
const PAIRS = [
  { open: "$$", close: "$$", isDisplay: true },
  { open: "\\[", close: "\\]", isDisplay: true },
  { open: "\\(", close: "\\)", isDisplay: false },
];
const BLANK_LINE = /\n[ \t]*\n/;
const TEX_SIGN = /[\\^_{}=+*<>|]/;

/** Where `close` begins in `text`, what a backslash escapes left aside; -1 when it does not come soon. */
function indexOfClose(text, close, from) {
  const near = text.slice(0, LONGEST);
  if (near.indexOf(close, from) < 0) return -1; // most often, and much faster
  for (let at = from; at < near.length; at++) {
    if (near.startsWith(close, at)) return at;
    if (near[at] === "\\") at++;
  }
  return -1;
}

const isFormula = (text) => text.trim() !== "" && !BLANK_LINE.test(text);

/** "\[1\]" is an escaped bracket around a number, not a formula. */
const isReference = (text, open) => open === "\\[" && /^\s*[\d,\s–-]*$/.test(text);

/** {raw, tex, isDisplay} when `text` begins with a formula between two different marks or double dollars. */
function enclosed(text) {
  const pair = PAIRS.find(({ open }) => text.startsWith(open));
  if (!pair) return null;
  const end = indexOfClose(text, pair.close, 2);
  const tex = end < 0 ? "" : text.slice(2, end);
  if (end < 0 || !isFormula(tex) || isReference(tex, pair.open)) return null;
  return { raw: text.slice(0, end + 2), tex: tex.trim(), isDisplay: pair.isDisplay };
}

/** The same for single dollars, which are money more often than not: "$5 and $6" has none. */
function dollars(text) {
  if (!/^\$[^\s$]/.test(text)) return null;
  const end = indexOfClose(text.slice(0, LONGEST_INLINE), "$", 1);
  if (end < 0) return null;
  const [tex, after] = [text.slice(1, end), text.slice(end + 1)];
  const isAmount = /^[\d.,]/.test(tex) && /\s/.test(tex) && !TEX_SIGN.test(tex);
  const isWord = /^\w/.test(after) && !/^(?:st|nd|rd|th|s)\b/.test(after);
  if (/\s$|`/.test(tex) || isAmount || isWord || !isFormula(tex)) return null;
  return { raw: text.slice(0, end + 1), tex, isDisplay: false };
}

/** Whether a text that still grows has begun a formula that is not closed yet. */
function isBegun(text) {
  const pair = PAIRS.find(({ open }) => text.startsWith(open));
  if (text.length >= LONGEST) return false;
  if (text === "\\") return true;
  if (pair) return indexOfClose(text, pair.close, 2) < 0 && !BLANK_LINE.test(text);
  if (!/^\$(?![\s$\d])/.test(text) || text.includes("`") || text.includes("\n") || text.indexOf("$", 1) > 0) return false;
  return text.length <= 24 || (TEX_SIGN.test(text) && text.length <= 160);
}

/** The first dollar that may begin a formula: not one behind a word, as in US$5, and not an escaped one. */
function indexOfDollar(text) {
  let at = text.indexOf("$");
  while (at > 0 && /[\w\\$]/.test(text[at - 1])) at = text.indexOf("$", at + 1);
  return at;
}

const inline = {
  name: "formula",
  level: "inline",
  /** At a backslash marked looks by itself. */
  start(text) {
    const at = indexOfDollar(text);
    return at < 0 ? undefined : at;
  },
  tokenizer(text) {
    const found = enclosed(text) ?? dollars(text);
    if (found) return { type: "formula", ...found };
    return this.lexer.options.isGrowing && isBegun(text) ? { type: "formulaBegun", raw: text } : undefined;
  },
};

const block = {
  name: "formulaBlock",
  level: "block",
  start(text) {
    const found = /\n {0,3}(?:\$\$|\\\[)/.exec(text);
    return found ? found.index + 1 : undefined;
  },
  /** Lines of its own: what is in them is neither a list nor a heading. */
  tokenizer(text) {
    const indent = /^ {0,3}(?=\$\$|\\\[)/.exec(text)?.[0].length;
    if (indent === undefined) return undefined;
    const found = enclosed(text.slice(indent));
    if (found) return ownLines(text, indent, found);
    return this.lexer.options.isGrowing && isBegun(text.slice(indent)) ? { type: "formulaBegun", raw: text } : undefined;
  },
};

/** With the end of its last line, where nothing but a full stop follows. */
function ownLines(text, indent, { raw, tex }) {
  const length = indent + raw.length;
  const rest = /^[ \t]*([.,;:]?)[ \t]*(?:\n+|$)/.exec(text.slice(length));
  if (!rest && !raw.includes("\n")) return undefined;
  return { type: "formulaBlock", raw: text.slice(0, length) + (rest?.[0] ?? ""), tex: tex + (rest?.[1] ?? "") };
}

/** Underlines and stars in formulas set nothing in italics: they are hidden from that rule, at the same length. */
function hideFormulas(text) {
  return text.replace(/\$[^$\n]+\$|\\\([^\n]{1,500}?\\\)|\\\[[^\n]{1,500}?\\\]/g, (found) => "\u0001".repeat(found.length));
}

/**
 * Options for marked. `toHtml({tex, isDisplay})` writes a formula; one that has only begun is `toHtml(null)`, which comes
 * only from a lexer whose option `isGrowing` is set.
 */
export function formulas(toHtml) {
  const renderer = ({ tex, isDisplay }) => toHtml({ tex, isDisplay });
  return {
    extensions: [
      { ...inline, renderer },
      { ...block, renderer: ({ tex }) => toHtml({ tex, isDisplay: true }) },
      { name: "formulaBegun", renderer: () => toHtml(null) },
    ],
    hooks: { emStrongMask: hideFormulas },
  };
}

/** Whether a formula inside the token has only begun. */
export function hasBegun(token) {
  const inside = [token.tokens, token.items, token.header, ...(token.rows ?? [])].flat();
  return token.type === "formulaBegun" || inside.some((one) => one && hasBegun(one));
}
