import assert from "node:assert/strict";
import { test } from "node:test";
import { branchTo, childIds, endOf, isAdded, runningAnswer, treeOf, versionsOf } from "../../templates/web/js/tree.js";

const said = (id, parent, role = "user", content = id, status = "done") => ({ id, parent, role, content, status });
const ids = (messages) => messages.map(({ id }) => id);

// a question with two answers; the second goes on, and its question was edited once
const grown = () =>
  treeOf([
    said("q1", null),
    said("a1", "q1", "assistant"),
    said("a2", "q1", "assistant"),
    said("q2", "a2"),
    said("q3", "a2"),
    said("a3", "q3", "assistant"),
  ]);

test("a branch is the way from the first message to its head", () => {
  assert.deepEqual(ids(branchTo(grown(), "a3")), ["q1", "a2", "q3", "a3"]);
  assert.deepEqual(ids(branchTo(grown(), "a1")), ["q1", "a1"]);
});

test("a head that is not there has no branch, and a circle ends", () => {
  assert.deepEqual(branchTo(grown(), "gone"), []);
  assert.deepEqual(branchTo(grown(), null), []);
  const circle = treeOf([said("x", "y"), said("y", "x")]);
  assert.deepEqual(ids(branchTo(circle, "x")), ["y", "x"]);
  assert.equal(endOf(circle, "x"), "y");
});

test("versions are siblings of one role, oldest first", () => {
  const tree = grown();
  assert.deepEqual(ids(versionsOf(tree, tree.get("a1"))), ["a1", "a2"]);
  assert.deepEqual(ids(versionsOf(tree, tree.get("q3"))), ["q2", "q3"]);
  assert.deepEqual(ids(versionsOf(tree, tree.get("q1"))), ["q1"]);
});

test("the end of a branch follows the newest messages", () => {
  assert.equal(endOf(grown(), "q1"), "a3");
  assert.equal(endOf(grown(), "q2"), "q2");
});

test("a tree that has grown knows its new messages", () => {
  const tree = grown();
  assert.deepEqual(childIds(tree, "a3"), []);
  tree.set("q4", said("q4", "a3"));
  assert.deepEqual(childIds(tree, "a3"), ["q4"]);
  assert.equal(endOf(tree, "q1"), "q4");
});

test("the answer being written is found on any branch", () => {
  const tree = grown();
  assert.equal(runningAnswer(tree), null);
  tree.set("a1", { ...tree.get("a1"), status: "answering" });
  assert.equal(runningAnswer(tree).id, "a1");
});

test("a message has arrived when there is a new one of its words under its parent", () => {
  assert.ok(isAdded(grown(), { content: "q3", parent: "a2", known: ["q2"] }));
  assert.ok(!isAdded(grown(), { content: "q3", parent: "a2", known: ["q2", "q3"] }));
  assert.ok(!isAdded(grown(), { content: "q3", parent: null, known: [] }));
});
