// What was fetched while events told of newer things.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOpened } from "../../templates/web/js/opened.js";
import { createStore } from "../../templates/web/js/state.js";

const CHAT = { id: "c", title: "", is_titled: false, is_pinned: false, created_ms: 1, updated_ms: 1, head: null };
const message = (id, parent, role) => ({ id, chat: "c", parent, role, content: "Hi", reasoning: "", status: "done", error: null, created_ms: 1, figures: null, files: [], sources: [] });

/** A store with the chat open, and a fetch of it that answers when it is told to. */
function opening() {
  const store = createStore();
  const opened = createOpened(store, { onGone: assert.fail, onTrouble: assert.fail, onSilence: assert.fail });
  let answer = null;
  globalThis.fetch = () => new Promise((resolve) => {
    answer = (found) => resolve(new Response(JSON.stringify(found), { headers: { "Content-Type": "application/json" } }));
  });
  opened.open("c");
  return { store, opened, answer: (found) => answer(found) };
}

test("a fetch from before a head was told does not take the answer away", async () => {
  const { store, opened, answer } = opening();
  const fetched = opened.refetch();
  opened.absorb({ messages: [message("q", null, "user"), message("a", "q", "assistant")], chat: { ...CHAT, head: "a" } });
  answer({ chat: CHAT, messages: [message("q", null, "user")] });
  await fetched;
  assert.equal(store.get().chat.head, "a");
  assert.deepEqual([...store.get().tree.keys()].sort(), ["a", "q"]);
});

test("silence about an answer in the making is noticed", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  let count = 0;
  const store = createStore();
  const { adopt, events } = createOpened(store, { onGone: assert.fail, onTrouble: assert.fail, onSilence: () => count++ });
  adopt(CHAT);
  events.message({ ...message("a", null, "assistant"), status: "answering" });
  context.mock.timers.tick(9000);
  events.text({ id: "a", content: " there", at: 2 });
  context.mock.timers.tick(9000);
  assert.equal(count, 0);
  context.mock.timers.tick(2000);
  assert.equal(count, 1);
  context.mock.timers.tick(10_000);
  assert.equal(count, 2);
  events.end({ id: "a", status: "done", error: null, figures: null });
  context.mock.timers.tick(60_000);
  assert.equal(count, 2);
});

test("a fetch brings the message that a head was told of", async () => {
  const { store, opened, answer } = opening();
  const fetched = opened.refetch();
  opened.takeChat({ ...CHAT, head: "a" });
  assert.equal(store.get().chat.head, null);
  answer({ chat: CHAT, messages: [message("q", null, "user"), message("a", "q", "assistant")] });
  await fetched;
  assert.equal(store.get().chat.head, "a");
});

test("a fetch without news of the chat is taken as it is", async () => {
  const { store, opened, answer } = opening();
  const fetched = opened.refetch();
  answer({ chat: { ...CHAT, head: "q" }, messages: [message("q", null, "user")] });
  await fetched;
  assert.equal(store.get().chat.head, "q");
});

test("the reply to a question is older than the end of its answer", async () => {
  const { store, opened, answer } = opening();
  const first = opened.refetch();
  answer({ chat: { ...CHAT, head: "a" }, messages: [message("q", null, "user"), message("a", "q", "assistant")] });
  await first;
  opened.absorb({ messages: [{ ...message("a", "q", "assistant"), status: "answering" }], chat: { ...CHAT, head: "a" } });
  assert.equal(store.get().tree.get("a").status, "done");
});

test("the reply to a question does not take away the sources that an event brought", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] }); // the answer never ends
  const { store, opened, answer } = opening();
  const first = opened.refetch();
  const begun = { ...message("a", "q", "assistant"), content: "", status: "answering" };
  answer({ chat: { ...CHAT, head: "a" }, messages: [message("q", null, "user"), begun] });
  await first;
  opened.events.sources({ id: "a", sources: [{ n: 1 }] });
  opened.absorb({ messages: [begun], chat: { ...CHAT, head: "a" } });
  assert.deepEqual(store.get().tree.get("a").sources, [{ n: 1 }]);
});

test("a fetch from before the sources does not take them away", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] }); // the answer never ends
  const { store, opened, answer } = opening();
  const begun = { ...message("a", "q", "assistant"), content: "", status: "answering" };
  opened.absorb({ messages: [message("q", null, "user"), begun], chat: { ...CHAT, head: "a" } });
  const fetched = opened.refetch();
  opened.events.sources({ id: "a", sources: [{ n: 1 }] });
  answer({ chat: { ...CHAT, head: "a" }, messages: [message("q", null, "user"), begun] });
  await fetched;
  assert.deepEqual(store.get().tree.get("a").sources, [{ n: 1 }]);
});

test("a fetch brings the sources that no event told of, though the text is behind", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { store, opened, answer } = opening();
  const begun = { ...message("a", "q", "assistant"), content: "", status: "answering" };
  opened.absorb({ messages: [message("q", null, "user"), begun], chat: { ...CHAT, head: "a" } });
  const fetched = opened.refetch();
  opened.events.text({ id: "a", content: "It hangs", at: 0 });
  answer({ chat: { ...CHAT, head: "a" }, messages: [message("q", null, "user"), { ...begun, sources: [{ n: 1 }] }] });
  await fetched;
  assert.equal(store.get().tree.get("a").content, "It hangs");
  assert.deepEqual(store.get().tree.get("a").sources, [{ n: 1 }]);
});

test("a fetch in the middle of an answer does not forget when its thinking began", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1000 });
  const { store, opened, answer } = opening();
  const begun = { ...message("a", "q", "assistant"), content: "", status: "answering" };
  opened.absorb({ messages: [message("q", null, "user"), begun], chat: { ...CHAT, head: "a" } });
  opened.events.text({ id: "a", reasoning: "Hm", at: 0 });
  const fetched = opened.refetch();
  opened.events.text({ id: "a", reasoning: " so", at: 2 });
  answer({ chat: { ...CHAT, head: "a" }, messages: [message("q", null, "user"), { ...begun, reasoning: "Hm" }] });
  await fetched;
  context.mock.timers.tick(3000);
  opened.events.text({ id: "a", content: "4", at: 0 });
  const again = opened.refetch();
  opened.events.text({ id: "a", content: "2", at: 1 });
  answer({ chat: { ...CHAT, head: "a" }, messages: [message("q", null, "user"), { ...begun, reasoning: "Hm so" }] });
  await again;
  assert.equal(store.get().tree.get("a").content, "42");
  assert.equal(store.get().tree.get("a").thinkingMs, 3000);
});
