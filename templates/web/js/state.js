// What the page knows: one object, replaced in pieces, with listeners. The conversation outlives a reload of the tab.
import { read, write } from "./storage.js";

const KEY = "llamapack.conversation";
const SAVE_EVERY_MS = 500;

/**
 * phase: "loading" | "ready" | "failed" | "lost" | "quit"
 * messages: [{id, role, content, status, error}], status "waiting" (for the model or the first word) |
 *   "streaming" | "done" | "length" | "stopped" | "interrupted" | "error"
 * editing: {id, draft}: the user message that the next one replaces and the draft it pushed aside, or null
 */
const EMPTY = { phase: "loading", loading: {}, failure: "", info: {}, messages: [], draft: "", editing: null };

function isMessage(value) {
  return ["user", "assistant"].includes(value?.role) && typeof value.content === "string" && typeof value.id === "string";
}

function restored() {
  const saved = read("sessionStorage", KEY) ?? {};
  const messages = (Array.isArray(saved.messages) ? saved.messages : []).filter(isMessage).map((message) => {
    const isOpen = message.status === "streaming" || (message.status === "waiting" && message.content);
    return isOpen ? { ...message, status: "interrupted" } : message;
  });
  return { messages, draft: typeof saved.draft === "string" ? saved.draft : "" };
}

/** A store with get(), update(patch), patchMessage(id, patch), subscribe(listener) and until(claim, signal). */
export function createStore() {
  let state = { ...EMPTY, ...restored() };
  const listeners = new Set();
  let saving = null;

  function save() {
    clearTimeout(saving);
    saving = null;
    write("sessionStorage", KEY, { messages: state.messages, draft: state.draft });
  }

  function update(patch) {
    state = { ...state, ...patch };
    if ("messages" in patch || "draft" in patch) saving ??= setTimeout(save, SAVE_EVERY_MS);
    for (const listener of [...listeners]) listener(state);
  }

  function patchMessage(id, patch) {
    update({ messages: state.messages.map((message) => (message.id === id ? { ...message, ...patch } : message)) });
  }

  function subscribe(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Resolves when claim(state) holds; rejects with the signal's reason when it fires first. */
  function until(claim, signal) {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      if (claim(state)) return resolve();
      const settle = (finish) => {
        unsubscribe();
        signal.removeEventListener("abort", abort);
        finish();
      };
      const abort = () => settle(() => reject(signal.reason));
      const unsubscribe = subscribe((now) => claim(now) && settle(resolve));
      signal.addEventListener("abort", abort);
    });
  }

  addEventListener("pagehide", save);
  return { get: () => state, update, patchMessage, subscribe, until };
}
