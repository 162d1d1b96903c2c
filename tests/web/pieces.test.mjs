import assert from "node:assert/strict";
import { test } from "node:test";
import { excerptParts, withPiece } from "../../templates/web/js/pieces.js";

test("a piece at the end is added", () => {
  assert.equal(withPiece("Hel", "lo", 3), "Hello");
  assert.equal(withPiece("", "Hello", 0), "Hello");
});

test("a piece that is known already changes nothing", () => {
  assert.equal(withPiece("Hello", "ell", 1), "Hello");
  assert.equal(withPiece("Hello", "", 5), "Hello");
});

test("of a piece that is known in part the rest is added", () => {
  assert.equal(withPiece("Hello", "lo there", 3), "Hello there");
});

test("a piece after a gap is not taken", () => {
  assert.equal(withPiece("Hel", "there", 6), null);
});

test("an emoji has two places", () => {
  assert.equal(withPiece("🌈", "!", 2), "🌈!");
  assert.equal(withPiece("🌈", "!", 3), null);
});

test("any cutting of a text, told twice and overlapping, gives the text", () => {
  const text = "Rainbows 🌈 form, and so on.";
  for (let size = 1; size < 9; size++) {
    let shown = "";
    for (let at = 0; at < text.length; at += size) {
      for (const start of [at, Math.max(0, at - 2)]) shown = withPiece(shown, text.slice(start, at + size), start);
    }
    assert.equal(shown, text);
  }
});

test("marks count as strings do, may overlap, and come in any order", () => {
  const parts = excerptParts({ text: "🌈 red and blue", marks: [[11, 15], [3, 6], [5, 6]] });
  assert.deepEqual(parts.map(({ text, isMarked }) => (isMarked ? `[${text}]` : text)), ["🌈 ", "[red]", " and ", "[blue]"]);
});

test("an excerpt without marks is one part, an empty one none", () => {
  assert.deepEqual(excerptParts({ text: "plain", marks: [] }), [{ text: "plain", isMarked: false }]);
  assert.deepEqual(excerptParts({ text: "", marks: [] }), []);
});
