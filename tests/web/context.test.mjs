import assert from "node:assert/strict";
import { test } from "node:test";
import { costOf, estimateTokens, fileTokens, firstRead, usedTokens } from "../../templates/web/js/context.js";

const said = (id, role, content = id, more = {}) => ({ id, role, content, ...more });
const answered = (id, figures) => said(id, "assistant", id, { figures });

test("what a chat takes is told by its last answer that has figures", () => {
  const chat = [said("q1", "user"), answered("a1", { prompt_tokens: 10, completion_tokens: 5 }), said("q2", "user"), answered("a2", { prompt_tokens: 30, completion_tokens: 7 })];
  assert.equal(usedTokens(chat), 37);
  assert.equal(usedTokens([...chat, said("q3", "user"), answered("a3", null)]), 37);
  assert.equal(usedTokens([said("q", "user")]), 0);
});

test("nothing was left out unless the last answer says so", () => {
  assert.equal(firstRead([said("q1", "user"), answered("a1", { left_out: 0 })]), null);
  assert.equal(firstRead([]), null);
});

test("the first message that was read is found by counting turns", () => {
  const chat = [said("q1", "user"), answered("a1", {}), said("q2", "user"), answered("a2", {}), said("q3", "user"), answered("a3", { left_out: 2 })];
  assert.equal(firstRead(chat), "q2");
});

test("an empty answer is no turn, a message of files alone is one", () => {
  const files = [{ id: "f" }];
  const chat = [said("q1", "user", "", { files }), said("a1", "assistant", ""), said("q2", "user"), answered("a2", {}), said("q3", "user"), answered("a3", { left_out: 2 })];
  assert.equal(firstRead(chat), "q3");
});

test("a text of letters has a quarter as many tokens, one of words in a sign most of one each", () => {
  assert.equal(estimateTokens("word".repeat(100)), 100);
  assert.equal(estimateTokens("你好".repeat(100)), 150);
  assert.equal(estimateTokens(""), 0);
});

test("files that no model has counted are estimated", () => {
  assert.equal(fileTokens([{ tokens: 7, characters: 1 }, { tokens: null, characters: 400 }]), 107);
});

const cost = (given) => costOf({ words: 0, files: 0, earlier: 0, used: 0, size: 4096, ...given });

test("a quarter of the context stays free for the answer, but not more than a thousand", () => {
  assert.deepEqual(cost({ words: 10 }), { tokens: 10, room: 3072, kind: "fits" });
  assert.equal(cost({ size: 100_000 }).room, 98_976);
});

test("what fits beside the chat fits, what pushes it out crowds", () => {
  assert.equal(cost({ words: 1000, used: 2000 }).kind, "fits");
  assert.equal(cost({ words: 1100, used: 2000 }).kind, "crowds");
  assert.equal(cost({ words: 10, used: 4000 }).room, 0);
});

test("files that do not fit with the earlier ones are looked up, words alone are too long", () => {
  assert.equal(cost({ words: 10, files: 3000 }).kind, "fits");
  assert.equal(cost({ words: 10, files: 3063 }).kind, "passages");
  assert.equal(cost({ words: 10, files: 2000, earlier: 1500, used: 1600 }).kind, "passages");
  assert.equal(cost({ words: 3073 }).kind, "long");
});
