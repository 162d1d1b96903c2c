// What is read aloud of an answer, and in which language. Pure.

const LONGEST = 240; // characters in one go; some voices fall silent in longer ones
const SILENT = new Set(["space", "hr", "def", "html", "code", "formulaBlock", "formulaBegun", "checkbox"]);
const BREAKS = new Set(["heading", "paragraph", "text", "list_item", "tablerow"]);

/** Scripts, and the languages written in them: the first one unless the reader prefers another. */
const SCRIPTS = [
  [/[\p{sc=Hiragana}\p{sc=Katakana}]/gu, ["ja"]],
  [/\p{sc=Hangul}/gu, ["ko"]],
  [/\p{sc=Han}/gu, ["zh", "ja"]],
  [/\p{sc=Arabic}/gu, ["ar", "fa", "ur"]],
  [/\p{sc=Hebrew}/gu, ["he"]],
  [/\p{sc=Cyrillic}/gu, ["ru", "uk", "bg", "sr", "mk", "kk"]],
  [/\p{sc=Greek}/gu, ["el"]],
  [/\p{sc=Devanagari}/gu, ["hi", "mr", "ne"]],
  [/\p{sc=Bengali}/gu, ["bn"]],
  [/\p{sc=Tamil}/gu, ["ta"]],
  [/\p{sc=Thai}/gu, ["th"]],
];
const WORDS = {
  en: ["the", "and", "of", "to", "is", "that", "it", "you"],
  de: ["der", "die", "und", "ist", "nicht", "das", "ein", "mit"],
  fr: ["le", "les", "et", "est", "des", "une", "que", "dans"],
  es: ["el", "los", "que", "es", "una", "por", "con", "para"],
  pt: ["o", "os", "que", "não", "uma", "com", "para", "é"],
  it: ["il", "che", "di", "è", "una", "per", "con", "gli"],
};

const count = (text, pattern) => (text.match(pattern) ?? []).length;
const baseOf = (tag) => tag.toLowerCase().split("-")[0];

function latinLanguage(text, preferred) {
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? [];
  const scores = Object.entries(WORDS).map(([name, common]) => [name, words.filter((word) => common.includes(word)).length]);
  const [[best, most], [, second]] = scores.sort((a, b) => b[1] - a[1]);
  if (most >= 3 && most > second) return best;
  const isOther = (tag) => SCRIPTS.some(([, languages]) => languages.includes(tag));
  return preferred.find((tag) => !isOther(tag)) ?? "en";
}

/** The language of a text, such as "zh"; where its script leaves it open, the first of `tags` that fits. */
export function languageOf(text, tags) {
  const preferred = tags.map(baseOf);
  const latin = count(text, /\p{sc=Latin}/gu);
  const scores = SCRIPTS.map(([pattern, languages]) => [languages, count(text, pattern)]);
  if (scores[0][1] > 0 && scores[0][1] * 20 >= scores[2][1]) scores[0][1] += scores[2][1]; // Japanese is mostly Han
  const [languages, most] = scores.reduce((best, next) => (next[1] > best[1] ? next : best));
  if (most === 0 || most * 2 < latin) return latinLanguage(text, preferred); // one sign there says as much as two letters
  return preferred.find((tag) => languages.includes(tag)) ?? languages[0];
}

function wordsOf(token) {
  if (SILENT.has(token.type)) return "";
  if (token.type === "formula") return /^[\w\s+=.,-]+$/.test(token.tex) ? token.tex : "";
  if (token.type === "table") return [token.header, ...token.rows].map((cells) => cells.map(insideOf).join(", ")).join("\n");
  if (token.type === "br") return "\n";
  if (token.type === "link" && token.text === token.href) return "";
  const inside = token.items ? token.items.map(wordsOf).join("") : insideOf(token);
  return BREAKS.has(token.type) && token.tokens ? `${inside}\n` : inside;
}

const insideOf = (token) => (token.tokens ? token.tokens.map(wordsOf).join("") : (token.text ?? ""));

/** Sentences, several together as long as they are short. */
function pieces(line) {
  const sentences = line.match(/[^.!?…。！？]+[.!?…。！？]*["”’)\s]*/gu) ?? [];
  const parts = [];
  for (const sentence of sentences) {
    const last = parts.at(-1);
    if (last !== undefined && last.length + sentence.length <= LONGEST) parts[parts.length - 1] = last + sentence;
    else parts.push(sentence);
  }
  return parts;
}

/** The texts to be spoken one after another, from the tokens of a Markdown text: no code, no marks, no addresses. */
export function spokenParts(tokens) {
  const text = tokens
    .map(wordsOf)
    .join("\n")
    .replace(/\s*\[\d+(?:,\s*\d+)*\]/g, "") // citations
    .replace(/\p{Extended_Pictographic}\uFE0F?/gu, "");
  return text
    .split("\n")
    .flatMap(pieces)
    .map((part) => part.replace(/\s+/g, " ").trim())
    .filter((part) => /[\p{L}\p{N}]/u.test(part));
}
