// What the page knows: one object, replaced in pieces, with listeners.

/**
 * phase: "loading" | "ready" | "failed" | "lost" | "quit"
 * chats: those of the list that are loaded, in order; next: where the rest begins, null when there is none
 * query, found: the search, and its chats with excerpts (null while there is no answer to it)
 * chatId: the chat that is open, null for a new one; chat: what the server says of it, null until it has answered
 * tree: its messages by id (tree.js), changed in place; `revision` then counts on; isFetched: whether they have come
 * progress: {id, read, total}, {id, before} or {id, model} (that is being loaded) of the running answer, until its first word
 * lastModel: the id of the model that was chosen last, for new chats; null as long as none was
 * unsent: by chat, what is written and not at the server yet (unsent.js)
 */
const EMPTY = {
  phase: "loading", loading: {}, failure: { sentence: "", code: "" }, info: {},
  chats: [], next: null, isListed: false, query: "", found: null,
  chatId: null, chat: null, tree: new Map(), isFetched: true, revision: 0, progress: null,
  lastModel: null,
  unsent: {},
};

/** A store with get(), update(patch), subscribe(listener) and until(claim), which resolves when claim(state) holds. */
export function createStore(first = {}) {
  let state = { ...EMPTY, ...first };
  const listeners = new Set();

  function update(patch) {
    state = { ...state, ...patch };
    for (const listener of [...listeners]) listener(state);
  }

  function subscribe(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  function until(claim) {
    return new Promise((resolve) => {
      if (claim(state)) return resolve();
      const unsubscribe = subscribe((now) => {
        if (!claim(now)) return;
        unsubscribe();
        resolve();
      });
    });
  }

  return { get: () => state, update, subscribe, until };
}
