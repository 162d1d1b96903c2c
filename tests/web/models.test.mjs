import assert from "node:assert/strict";
import { test } from "node:test";
import { chatModels, chosenAdapters, chosenModel, contextSize, writerOf } from "../../templates/web/js/models.js";

const [A, B, E] = [["A", "chat"], ["B", "chat"], ["E", "embedding"]].map(([id, kind]) => ({ id, name: id, kind }));
const info = { models: [A, B, E], model: { id: "A" }, n_ctx: 100 };
const state = (more) => ({ info, chatId: null, chat: null, lastModel: null, ...more });

test("only models that chat can be chosen", () => {
  assert.deepEqual(chatModels(state()), [A, B]);
  assert.deepEqual(chatModels({ info: {} }), []);
});

test("with one model there is nothing to choose", () => {
  assert.equal(chosenModel(state({ info: { models: [] } })), null);
  assert.equal(chosenModel(state({ info: { models: [A, E] } })), null);
});

test("a chat has its own, a new one the last choice, else the first", () => {
  assert.equal(chosenModel(state()), A);
  assert.equal(chosenModel(state({ lastModel: "B" })), B);
  assert.equal(chosenModel(state({ lastModel: "B", chatId: "c", chat: { model: "A" } })), A);
  assert.equal(chosenModel(state({ lastModel: "B", chatId: "c", chat: { model: null } })), A);
  assert.equal(chosenModel(state({ chatId: "c", chat: { model: "gone" } })), A);
});

test("the context is the chosen model's, as soon as it has told", () => {
  const told = [{ figures: { model: "B", n_ctx: 50 } }, { figures: null }, {}];
  assert.equal(contextSize(state({ info: { n_ctx: 100 } }), []), 100);
  assert.equal(contextSize(state(), told), 100);
  assert.equal(contextSize(state({ lastModel: "B" }), told), 50);
  assert.equal(contextSize(state({ lastModel: "B" }), []), undefined);
});

test("adapters are those of the chosen model", () => {
  const [one, other] = [[{ name: "pirate", scale: 1 }], []];
  const several = { ...info, models: [{ ...A, adapters: one }, { ...B, adapters: other }], adapters: one };
  assert.deepEqual(chosenAdapters(state({ info: several })), one);
  assert.deepEqual(chosenAdapters(state({ info: several, lastModel: "B" })), other);
  assert.deepEqual(chosenAdapters(state({ info: { adapters: one } })), one);
  assert.deepEqual(chosenAdapters(state({ info: {} })), []);
});

test("who wrote an answer is told where several could have", () => {
  assert.equal(writerOf(state(), { figures: { model: "B" } }), "B");
  for (const figures of [null, {}, { model: 7 }]) assert.equal(writerOf(state(), { figures }), null);
  assert.equal(writerOf(state({ info: { models: [] } }), { figures: { model: "B" } }), null);
});
