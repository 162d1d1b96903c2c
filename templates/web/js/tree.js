// A chat's messages are a tree: each hangs under its parent, and siblings are versions of one another. Pure.
import { hasFiles } from "./files.js";

const indexes = new WeakMap(); // tree -> {size, children: parent id -> messages, oldest first}

/** A tree is a Map from id to message, oldest first. A parent never changes, so a tree only grows. */
export const treeOf = (messages) => new Map(messages.map((message) => [message.id, message]));

function childrenOf(tree, parent) {
  let index = indexes.get(tree);
  if (index?.size !== tree.size) {
    index = { size: tree.size, children: new Map() };
    for (const message of tree.values()) {
      const siblings = index.children.get(message.parent ?? null);
      if (siblings) siblings.push(message.id);
      else index.children.set(message.parent ?? null, [message.id]);
    }
    indexes.set(tree, index);
  }
  return (index.children.get(parent ?? null) ?? []).map((id) => tree.get(id));
}

/** The messages from the first one to `head`; empty when there is no such message. */
export function branchTo(tree, head) {
  const branch = new Set();
  for (let message = tree.get(head); message && !branch.has(message); message = tree.get(message.parent)) branch.add(message);
  return [...branch].reverse();
}

/** The message and its siblings, oldest first. */
export const versionsOf = (tree, message) => childrenOf(tree, message.parent).filter(({ role }) => role === message.role);

/** The end of the newest branch through `id`. */
export function endOf(tree, id) {
  const seen = new Set([id]);
  let end = id;
  for (let next = childrenOf(tree, end).at(-1); next && !seen.has(next.id); next = childrenOf(tree, end).at(-1)) {
    end = next.id;
    seen.add(end);
  }
  return end;
}

/** The answer that is being written in this chat, on whichever branch. */
export function runningAnswer(tree) {
  for (const message of tree.values()) if (message.status === "answering") return message;
  return null;
}

/** Whether `content` with `files` was added under `parent` since the messages `known` (ids) were its only children. */
export function isAdded(tree, { content, files = [], parent, known }) {
  const isIt = (one) => one.role === "user" && one.content === content && hasFiles(one, files);
  return childrenOf(tree, parent).some((one) => isIt(one) && !known.includes(one.id));
}

/** The ids of the messages right under `parent`. */
export const childIds = (tree, parent) => childrenOf(tree, parent).map(({ id }) => id);
