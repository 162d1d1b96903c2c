// The messages that the page shows: the branch of the tree that ends at the chat's head, and after it what is on its
// way to the server. Pure.
import { branchTo, runningAnswer } from "./tree.js";
import { unsentOf } from "./unsent.js";

const ON_ITS_WAY = new Set(["waiting", "sending"]);

/** Whether an answer is being made or asked for: one at a time in a chat. */
export const isAnswering = (state) => ON_ITS_WAY.has(unsentOf(state).waiting?.status) || runningAnswer(state.tree) !== null;

/** Messages as the server has them; those on their way have the ids "unsent" and "unsent-answer". */
export function shownMessages(state) {
  const { waiting } = unsentOf(state);
  if (!waiting) return branchTo(state.tree, state.chat?.head);
  const { content, files, parent, status, error } = waiting;
  return [
    ...branchTo(state.tree, parent),
    { id: "unsent", role: "user", parent, content, files, status: "done" },
    { id: "unsent-answer", role: "assistant", parent: "unsent", content: "", reasoning: "", status, error },
  ];
}

/** Whether the open chat has nothing to show yet and nothing is known to come. */
export const isEmpty = (state) => !unsentOf(state).waiting && (state.chatId === null || (state.chat !== null && state.chat.head === null));
