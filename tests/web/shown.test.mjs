import assert from "node:assert/strict";
import { test } from "node:test";
import { chatIn, hashOf } from "../../templates/web/js/route.js";
import { isAnswering, isEmpty, shownMessages } from "../../templates/web/js/shown.js";
import { treeOf } from "../../templates/web/js/tree.js";
import { joined, withUnsent } from "../../templates/web/js/unsent.js";

const question = { id: "q", parent: null, role: "user", content: "Why?", status: "done" };
const answer = { id: "a", parent: "q", role: "assistant", content: "So.", status: "done" };
const state = (more = {}) => ({ chatId: "c", chat: { id: "c", head: "a" }, tree: treeOf([question, answer]), unsent: {}, ...more });
const waiting = (parent, status = "waiting") => ({ content: "And?", parent, known: [], status, error: null });

test("the branch to the head is shown", () => {
  assert.deepEqual(shownMessages(state()), [question, answer]);
});

test("a message on its way is shown under its parent, in place of what follows there", () => {
  const shown = shownMessages(state({ unsent: { c: { waiting: waiting("q") } } }));
  assert.deepEqual(shown.map(({ id, status }) => [id, status]), [["q", "done"], ["unsent", "done"], ["unsent-answer", "waiting"]]);
});

test("one that waits or runs is being answered, one that failed is not", () => {
  const of = (status) => isAnswering(state({ unsent: { c: { waiting: waiting("a", status) } } }));
  assert.deepEqual(["waiting", "sending", "failed"].map(of), [true, true, false]);
  assert.ok(isAnswering(state({ tree: treeOf([question, { ...answer, status: "answering" }]) })));
});

test("another chat's message does not belong here", () => {
  assert.deepEqual(shownMessages(state({ unsent: { other: { waiting: waiting(null) } } })), [question, answer]);
});

test("a chat that is not known yet is not empty, a new one is", () => {
  assert.ok(!isEmpty(state({ chat: null, tree: new Map() })));
  assert.ok(isEmpty(state({ chat: { id: "c", head: null }, tree: new Map() })));
  assert.ok(isEmpty(state({ chatId: null, chat: null, tree: new Map() })));
  assert.ok(!isEmpty(state({ chatId: null, chat: null, tree: new Map(), unsent: { new: { waiting: waiting(null) } } })));
});

test("a chat without anything unsent leaves nothing behind", () => {
  const one = withUnsent({}, "c", { draft: "half a sen" });
  assert.equal(one.c.draft, "half a sen");
  assert.deepEqual(withUnsent(one, "c", { draft: "" }), {});
});

test("two texts that must be kept are joined", () => {
  assert.equal(joined("one", "two"), "one\n\ntwo");
  assert.equal(joined("one", "  "), "one");
});

test("an address names a chat, a new one, or nothing of ours", () => {
  assert.equal(chatIn("#/chat/0a1b"), "0a1b");
  assert.equal(chatIn(hashOf("0a1b")), "0a1b");
  assert.equal(chatIn(""), null);
  assert.equal(chatIn(hashOf(null)), null);
  for (const hash of ["#prompt", "#/chat/", "#/chat/a/b", "#/chat/../x"]) assert.equal(chatIn(hash), undefined, hash);
});
