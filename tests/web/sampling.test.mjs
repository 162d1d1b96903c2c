import assert from "node:assert/strict";
import { test } from "node:test";
import { FIELDS, readValue, writeValue } from "../../templates/web/js/sampling.js";

const field = (name) => FIELDS.find((one) => one.name === name);

const READ = [
  ["temperature", "0.7", { value: 0.7 }],
  ["temperature", " 0,7 ", { value: 0.7 }],
  ["temperature", "０．７", { value: 0.7 }],
  ["temperature", ".5", { value: 0.5 }],
  ["temperature", "", { value: null }],
  ["temperature", "  ", { value: null }],
  ["temperature", "0", { value: 0 }],
  ["temperature", "2", { value: 2 }],
  ["temperature", "2.1", { problem: "range" }],
  ["temperature", "-1", { problem: "range" }],
  ["temperature", "hot", { problem: "number" }],
  ["temperature", "0x1", { problem: "number" }],
  ["temperature", "1e0", { problem: "number" }],
  ["temperature", "1.2.3", { problem: "number" }],
  ["temperature", "Infinity", { problem: "number" }],
  ["top_k", "40", { value: 40 }],
  ["top_k", "40.0", { value: 40 }],
  ["top_k", "1,000", { value: 1000 }],
  ["top_k", "1.000", { value: 1000 }],
  ["max_tokens", "100 000", { value: 100000 }],
  ["top_k", "1.5", { problem: "whole" }],
  ["top_k", "many", { problem: "whole" }],
  ["top_k", "1001", { problem: "range" }],
  ["top_p", "1", { value: 1 }],
  ["min_p", "1.01", { problem: "range" }],
  ["repeat_penalty", "0", { problem: "range" }],
  ["repeat_penalty", "0.01", { value: 0.01 }],
  ["max_tokens", "0", { problem: "range" }],
  ["max_tokens", "1000000", { value: 1000000 }],
];
for (const [name, text, expected] of READ) test(`${name}: ${JSON.stringify(text)}`, () => assert.deepEqual(readValue(field(name), text), expected));

test("what is written is read as the same value", () => {
  for (const one of FIELDS) for (const value of [null, one.most, 1]) assert.equal(readValue(one, writeValue(value)).value, value);
});
