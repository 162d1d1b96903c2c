import assert from "node:assert/strict";
import { test } from "node:test";
import { Lexer, Marked } from "../../templates/web/vendor/marked/marked.js";
import { languageOf, spokenParts } from "../../templates/web/js/spoken.js";
import { formulas } from "../../templates/web/js/tex-marks.js";

const marked = new Marked({ gfm: true });
marked.use(formulas(() => ""));
const spoken = (text) => spokenParts(new Lexer(marked.defaults).lex(text));

test("marks are not read", () => {
  assert.deepEqual(spoken("# Rain\n\nIt is **wet** and _cold_, see [here](https://example.com)."), ["Rain", "It is wet and cold, see here."]);
});

test("code is not read, but words set as code are", () => {
  assert.deepEqual(spoken("Call `open` so:\n\n```python\nopen(1)\n```\n\nDone."), ["Call open so:", "Done."]);
});

test("addresses, rules, citations and pictures made of signs are not read", () => {
  assert.deepEqual(spoken("See https://example.com/x now. 🌈\n\n---\n\nIt is so [1] and so [2, 3]."), ["See now.", "It is so and so."]);
});

test("a formula is read where it is short and plain", () => {
  assert.deepEqual(spoken("Let $x = 2$ and $\\frac{a}{b}$ be.\n\n$$\\int x$$"), ["Let x = 2 and be."]);
});

test("lists and tables are read line by line", () => {
  assert.deepEqual(spoken("1. One\n2. Two\n   - Three\n\n| a | b |\n|---|---|\n| c | d |"), ["One", "Two", "Three", "a, b", "c, d"]);
});

test("long texts are cut between sentences", () => {
  const parts = spoken("This is a sentence of some words. ".repeat(40));
  assert.ok(parts.length > 4);
  for (const part of parts) assert.ok(part.length <= 240 && part.endsWith("."), part);
});

test("nothing is lost of a text in sentences", () => {
  const text = "One. Two! Three? 四。五！Six";
  assert.equal(spoken(text).join(" ").replace(/\s/g, ""), text.replace(/\s/g, ""));
});

const LANGUAGES = [
  ["The rain falls and it is cold.", ["zh"], "en"],
  ["今天下雨了。", ["en"], "zh"],
  ["今天用 Python 写 print 函数。", ["en"], "zh"],
  ["今日は雨が降っています。", ["en"], "ja"],
  ["오늘은 비가 옵니다.", ["en"], "ko"],
  ["اليوم ممطر", ["en"], "ar"],
  ["امروز باران می‌بارد", ["en", "fa-IR"], "fa"],
  ["Сегодня дождь", ["en"], "ru"],
  ["Сьогодні дощ", ["en", "uk-UA"], "uk"],
  ["היום יורד גשם", ["en"], "he"],
  ["Σήμερα βρέχει", ["en"], "el"],
  ["आज बारिश हो रही है", ["en"], "hi"],
  ["Der Regen ist nicht kalt und die Sonne scheint", ["en"], "de"],
  ["Le chat est dans une boîte et les souris dansent", ["en"], "fr"],
  ["Hello.", ["pl", "en"], "pl"],
  ["Hello.", ["zh", "zh-CN"], "en"],
  ["", ["en"], "en"],
];
for (const [text, tags, expected] of LANGUAGES) test(`${JSON.stringify(text)} for a reader of ${tags} is ${expected}`, () => assert.equal(languageOf(text, tags), expected));
