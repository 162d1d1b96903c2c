import assert from "node:assert/strict";
import { test } from "node:test";
import { Lexer, Marked } from "../../templates/web/vendor/marked/marked.js";
import { formulas, hasBegun } from "../../templates/web/js/tex-marks.js";

const marked = new Marked({ gfm: true });
marked.use(formulas((formula) => (formula ? (formula.isDisplay ? `⟦${formula.tex}⟧` : `⟨${formula.tex}⟩`) : "…")));
const lex = (text, isGrowing = false) => new Lexer({ ...marked.defaults, isGrowing }).lex(text);
const shown = (text, isGrowing) => marked.parser(lex(text, isGrowing)).trim().replace(/^<p>([^]*)<\/p>$/, "$1");

const FORMULAS = [
  ["$x$", "⟨x⟩"],
  ["\\(x\\)", "⟨x⟩"],
  ["so \\(x\\) is", "so ⟨x⟩ is"],
  ["($x$)", "(⟨x⟩)"],
  ["当$x>0$时", "当⟨x>0⟩时"],
  ["the $n$th and $k$s", "the ⟨n⟩th and ⟨k⟩s"],
  ["$x$-axis", "⟨x⟩-axis"],
  ["$5 + 3 = 8$", "⟨5 + 3 = 8⟩"],
  ["$2x$ and $10$", "⟨2x⟩ and ⟨10⟩"],
  ["$a\\$b$", "⟨a\\$b⟩"],
  ["**$x$**", "<strong>⟨x⟩</strong>"],
  ["$a_1$ and b_1 and $c_2$", "⟨a_1⟩ and b_1 and ⟨c_2⟩"],
  ["*a $b*c$ d*", "<em>a ⟨b*c⟩ d</em>"],
  ["we get \\[x\\] then", "we get ⟦x⟧ then"],
  ["we get $$x$$ then", "we get ⟦x⟧ then"],
  ["$$x$$", "⟦x⟧"],
  ["\\[x\\].", "⟦x.⟧"],
  ["$$\na\n= b\n- c\n# d\n$$", "⟦a\n= b\n- c\n# d⟧"],
  ["\\[\n\\begin{matrix} 1 \\\\[2pt] 2 \\end{matrix}\n\\]", "⟦\\begin{matrix} 1 \\\\[2pt] 2 \\end{matrix}⟧"],
];
for (const [text, expected] of FORMULAS) test(`${JSON.stringify(text)} has a formula`, () => assert.equal(shown(text), expected));

const NONE = [
  "It costs $5 and $6.",
  "$5, $6 or US$7",
  "$100-$200",
  "$5/$6",
  "$5M–$10M a year",
  "between $5 and A$",
  "$HOME/$PATH and ${HOME}",
  "echo $HOME and $PATH",
  "$ x $",
  "a lone $ sign",
  "$$",
];
for (const text of NONE) test(`${JSON.stringify(text)} has none`, () => assert.equal(shown(text), text));

test("code has none", () => {
  assert.equal(shown("`$x$` and `\\(x\\)`"), "<code>$x$</code> and <code>\\(x\\)</code>");
  assert.equal(shown("`$a` $b`"), "<code>$a</code> $b`");
  assert.equal(shown("```\n$x$\n\\[y\\]\n```"), "<pre><code>$x$\n\\[y\\]\n</code></pre>");
});

test("escaped dollars and brackets are what they are", () => {
  assert.equal(shown("\\$5 and \\$6"), "$5 and $6");
  assert.equal(shown("see \\[1\\] and \\[2, 3\\]"), "see [1] and [2, 3]");
  assert.equal(shown("\\\\(x\\\\)"), "\\(x\\)");
});

test("lists and tables hold formulas", () => {
  assert.match(shown("- a $x$\n  $$\n  y\n  + z\n  $$\n- b"), /<li>a ⟨x⟩⟦y\n\+ z⟧<\/li>/);
  assert.match(shown("| a |\n|---|\n| $x$ |"), /<td>⟨x⟩<\/td>/);
});

test("a formula ends at a blank line", () => assert.equal(shown("$$ a\n\nb $$"), "$$ a</p>\n<p>b $$"));

test("a formula that is being written is not shown as text", () => {
  for (const text of ["so \\", "so $x^2", "so $\\frac{a", "so \\(x", "so \\[x", "so $$x", "so $"]) assert.equal(shown(text, true), "so …");
  assert.equal(shown("$$\na\n- b", true), "…");
  assert.equal(shown("It costs $5", true), "It costs $5");
  assert.equal(shown("so \\(x", false), "so (x");
});

test("a dollar that begins nothing does not hide the text after it for long", () => {
  assert.equal(shown("the $HOME variable names a folder", true), "the $HOME variable names a folder");
});

test("it is known which block has begun a formula", () => {
  assert.deepEqual(lex("one \\(x\n\n- two\n- $y", true).map(hasBegun), [true, false, true]);
  assert.deepEqual(lex("one $x$\n\n> $$y", true).map(hasBegun), [false, false, true]);
});

test("many marks take no time", () => {
  const began = performance.now();
  for (const sign of ["\\(", "$a ", "$$", "$x"]) shown(sign.repeat(5000));
  assert.ok(performance.now() - began < 2000);
});
