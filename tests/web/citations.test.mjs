import assert from "node:assert/strict";
import { test } from "node:test";
import { splitCitations } from "../../templates/web/js/citations.js";

const known = new Map([[1, {}], [2, {}], [12, {}]]);

test("a text is split where it cites", () => {
  assert.deepEqual(splitCitations("It ends in May [1].", known), ["It ends in May ", 1, "."]);
  assert.deepEqual(splitCitations("[2] says so [1][12]", known), [2, " says so ", 1, 12]);
});

test("several sources in one bracket are several citations", () => {
  assert.deepEqual(splitCitations("so [1, 2,12]", known), ["so ", 1, 2, 12]);
});

test("a source that does not exist is not cited", () => {
  assert.deepEqual(splitCitations("so [3]", known), ["so [3]"]);
  assert.deepEqual(splitCitations("so [1, 3] and [1]", known), ["so [1, 3] and ", 1]);
});

test("brackets of other kinds stay", () => {
  for (const text of ["[x]", "[ ]", "[1", "1]", "[]", "[1-2]", "[0001]", "plain"]) assert.deepEqual(splitCitations(text, known), [text]);
});
