// What a person can do with a conversation: send, stop, answer again, edit, begin anew.
import { ApiError, ConnectionError, streamChat } from "./api.js";

const OPEN = new Set(["waiting", "streaming"]);

export const isAnswering = (state) => OPEN.has(state.messages.at(-1)?.status);

/** The messages as the API takes them: no empty answers, and users' messages in a row joined into one. */
export function wireMessages(messages) {
  const wire = [];
  for (const { role, content } of messages) {
    if (!content) continue;
    const last = wire.at(-1);
    if (last?.role === role) last.content += `\n\n${content}`;
    else wire.push({ role, content });
  }
  return wire;
}

/** Which sentence explains an error: {kind, reason}; message-view.js has the words. */
function explain(error) {
  if (error instanceof ConnectionError) return { kind: "connection", reason: "" };
  if (!(error instanceof ApiError)) return { kind: "unknown", reason: "" };
  if (error.code === "context_length_exceeded") return { kind: "context", reason: "" };
  if (error.status === 429 || error.status === 503) return { kind: "busy", reason: "" };
  return { kind: "unknown", reason: error.message };
}

const newId = () => `m${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;

/** Actions over a store; one answer at a time. `onTrouble` is called when the connection broke. */
export function createConversation(store, { onTrouble }) {
  let running = null;

  async function receive(reply, controller) {
    await store.until((state) => state.phase === "ready", controller.signal);
    const { info, messages } = store.get();
    const before = messages.slice(0, messages.findIndex((message) => message.id === reply.id));
    const request = { model: info.model?.name ?? info.name ?? "default", messages: wireMessages(before), signal: controller.signal };
    let content = "";
    let finish = "stop";
    for await (const piece of streamChat(request)) {
      controller.signal.throwIfAborted();
      finish = piece.finish ?? finish;
      content += piece.text ?? "";
      if (content) store.patchMessage(reply.id, { content, status: "streaming" });
    }
    store.patchMessage(reply.id, { status: finish === "length" ? "length" : "done" });
  }

  async function answer(messages) {
    const controller = new AbortController();
    const reply = { id: newId(), role: "assistant", content: "", status: "waiting" };
    running = controller;
    store.update({ messages: [...messages, reply] });
    try {
      await receive(reply, controller);
    } catch (error) {
      if (controller.signal.aborted) store.patchMessage(reply.id, { status: "stopped" });
      else fail(reply, error);
    } finally {
      if (running === controller) running = null;
    }
  }

  function fail(reply, error) {
    store.patchMessage(reply.id, { status: "error", error: explain(error) });
    if (error instanceof ConnectionError) onTrouble();
    else if (!(error instanceof ApiError)) throw error; // a mistake of ours: let the console have it
  }

  function withoutLastAnswer() {
    const { messages } = store.get();
    return messages.at(-1)?.role === "assistant" ? messages.slice(0, -1) : messages;
  }

  function send(text) {
    const { messages, editing } = store.get();
    const edited = messages.findIndex((message) => message.id === editing?.id);
    const kept = edited < 0 ? messages : messages.slice(0, edited);
    cancelEdit();
    return answer([...kept, { id: newId(), role: "user", content: text, status: "done" }]);
  }

  /** After a reload: a message that still waited for the model is sent, nothing else. */
  function resume() {
    if (isAnswering(store.get())) answer(withoutLastAnswer());
  }

  function stop() {
    running?.abort();
    const last = store.get().messages.at(-1);
    if (OPEN.has(last?.status)) store.patchMessage(last.id, { status: "stopped" });
  }

  function edit(message) {
    store.update({ editing: { id: message.id, draft: store.get().draft }, draft: message.content });
  }

  /** Leave editing; what stood in the text field before it comes back. */
  function cancelEdit() {
    store.update({ draft: store.get().editing?.draft ?? "", editing: null });
  }

  /** Returns a function that brings the old conversation back. */
  function startNew() {
    stop();
    const { messages, editing } = store.get();
    if (editing) cancelEdit();
    store.update({ messages: [] });
    return () => store.update({ messages });
  }

  const regenerate = () => answer(withoutLastAnswer());
  return { send, resume, stop, regenerate, startNew, edit, cancelEdit };
}
