// The chat that is open: fetched once, then kept true by events. What was missed is fetched again.
import { ApiError, ConnectionError, fetchChat } from "./api.js";
import { withPiece } from "./pieces.js";
import { isAdded, runningAnswer, treeOf } from "./tree.js";
import { keyOf, unsentOf, withUnsent } from "./unsent.js";

const HELLO_MS = 500; // the stream of events greets sooner than that; without it the chat is fetched all the same
const HEAD_MS = 300; // a message arrives about when the chat's head names it
const SILENT_MS = 10_000; // of an answer something is heard sooner; a stream may be lost without a word, as while a laptop sleeps

const countOf = ({ sources }) => sources?.length ?? 0;
const isSame = (a, b) => a.status === b.status && countOf(a) === countOf(b) && a.content === b.content && a.reasoning === b.reasoning && a.error === b.error;

/** Two views of an answer in the making, of which either may be the older one: the longer texts, the sources, and what only we know. */
function merged(ours, theirs) {
  const [content, reasoning] = ["content", "reasoning"].map((field) => ((ours[field] ?? "").length > (theirs[field] ?? "").length ? ours : theirs)[field]);
  return { ...ours, ...theirs, content, reasoning, sources: (countOf(ours) > countOf(theirs) ? ours : theirs).sources };
}

/**
 * Data in, for `store`; onGone(id) when the chat is not there any more, onTrouble() when nothing answers, onSilence() when
 * nothing is heard of an answer in the making.
 */
export function createOpened(store, { onGone, onTrouble, onSilence }) {
  let touched = null; // ids that events changed while a fetch is under way, else null
  let isChatTouched = false; // whether an event told of the chat itself meanwhile
  let isAgain = false;
  let timer = null;
  let awaited = null; // the head that a message still has to arrive for
  let heardMs = 0;
  let watch = null; // a timer while an answer is in the making

  function heard() {
    heardMs = Date.now();
    if (watch === null && runningAnswer(store.get().tree)) watch = setTimeout(listenOn, SILENT_MS);
  }

  function listenOn() {
    watch = null;
    if (!runningAnswer(store.get().tree)) return;
    const leftMs = heardMs + SILENT_MS - Date.now();
    if (leftMs > 0) watch = setTimeout(listenOn, leftMs);
    else {
      onSilence();
      heard();
    }
  }

  /** Show a chat; `events` then greet, and it is fetched. */
  function open(id) {
    clearTimeout(timer);
    awaited = null;
    const listed = store.get().chats.find((chat) => chat.id === id);
    store.update({ chatId: id, chat: listed ? { ...listed } : null, tree: new Map(), isFetched: id === null, progress: null });
    if (id !== null) timer = setTimeout(refetch, HELLO_MS);
  }

  /** Show a chat that was made just now, empty. */
  function adopt(chat) {
    store.update({ chatId: chat.id, chat, tree: new Map(), isFetched: true, progress: null });
  }

  async function refetch() {
    clearTimeout(timer);
    if (store.get().chatId === null) return;
    if (touched) isAgain = true;
    else await fetchOnce(store.get().chatId);
    if (!isAgain) return;
    isAgain = false;
    if (!touched) await refetch();
  }

  async function fetchOnce(id) {
    touched = new Set();
    isChatTouched = false;
    try {
      const fetched = await fetchChat(id);
      if (store.get().chatId === id) take(fetched);
      else isAgain = true;
    } catch (error) {
      if (error instanceof ConnectionError) onTrouble();
      else if (!(error instanceof ApiError)) throw error;
      else if (error.status === 404) onGone(id);
      else onTrouble();
    } finally {
      touched = null;
    }
  }

  function take({ chat, messages }) {
    const { tree: old, revision } = store.get();
    const tree = treeOf(messages.map((message) => newer(old.get(message.id), message)));
    for (const id of touched) if (!tree.has(id) && old.has(id)) tree.set(id, old.get(id));
    // What was fetched may be of the moment between a message and its chat's head.
    store.update({ chat: isChatTouched ? newest(tree) : chat, tree, isFetched: true, revision: revision + 1 });
    if (!isChatTouched) awaited = null;
    heard();
    dropDelivered();
  }

  /** Our chat, with the head that was awaited if its message has come. */
  function newest(tree) {
    const { chat } = store.get();
    if (!tree.has(awaited)) return chat;
    const head = awaited;
    awaited = null;
    clearTimeout(timer);
    return { ...chat, head };
  }

  /** Of a message that events changed meanwhile what is newer; else theirs, but the same object if it is equal. */
  function newer(ours, theirs) {
    if (!ours || isSame(ours, theirs)) return ours ?? theirs;
    if (!touched.has(ours.id)) return theirs;
    if (ours.status !== "answering") return ours;
    return theirs.status === "answering" ? merged(ours, theirs) : theirs;
  }

  function put(message) {
    const { tree, chat, revision } = store.get();
    tree.set(message.id, message);
    touched?.add(message.id);
    heard();
    if (message.id !== awaited) return store.update({ revision: revision + 1 });
    awaited = null;
    clearTimeout(timer);
    store.update({ chat: { ...chat, head: message.id }, revision: revision + 1 });
  }

  /** What the server answered to a request for an answer; the events of a short answer may have come sooner, with its end. */
  function absorb({ messages, chat }) {
    if (store.get().chatId !== chat.id) return;
    const isOlder = ({ id, status }) => status === "answering" && (store.get().tree.get(id)?.status ?? status) !== status;
    const older = messages.filter(isOlder);
    for (const one of messages) if (!older.includes(one)) message(one);
    takeChat(chat);
    if (older.length > 0) refetch(); // or it goes on with an answer that had ended: the server knows
  }

  /** A message that waited to be sent may have arrived although its own request did not come back. */
  function dropDelivered() {
    const state = store.get();
    const { waiting } = unsentOf(state);
    if (waiting && waiting.status !== "waiting" && isAdded(state.tree, waiting)) {
      store.update({ unsent: withUnsent(state.unsent, keyOf(state.chatId), { waiting: null }) });
    }
  }

  function takeChat(changed) {
    const { chatId, chat, tree } = store.get();
    if (changed.id !== chatId) return;
    isChatTouched = true;
    const isKnown = changed.head === null || tree.has(changed.head);
    store.update({ chat: { ...changed, head: isKnown ? changed.head : (chat?.head ?? null) } });
    if (isKnown) return;
    awaited = changed.head;
    clearTimeout(timer);
    timer = setTimeout(refetch, HEAD_MS);
  }

  function message(given) {
    const { chatId, tree } = store.get();
    if ((given.chat ?? chatId) !== chatId) return;
    const ours = tree.get(given.id);
    const isMaking = ours?.status === "answering" && given.status === "answering";
    put({ ...(isMaking ? merged(ours, given) : given), thinkingSince: ours?.thinkingSince }); // the reply to a question may come behind events
    dropDelivered();
  }

  function text({ id, at, ...piece }) {
    const ours = store.get().tree.get(id);
    const field = piece.content === undefined ? "reasoning" : "content";
    const grown = ours ? withPiece(ours[field] ?? "", piece[field], at) : null;
    if (grown === null) return refetch();
    if (grown === ours[field]) return;
    if (store.get().progress?.id === id) store.update({ progress: null });
    put({ ...ours, ...thinkingTimes(ours, field), [field]: grown });
  }

  /** When the thinking began, and how long it took once the answer begins; known only to a tab that saw both. */
  function thinkingTimes({ reasoning, content, thinkingSince }, field) {
    if (field === "reasoning") return { thinkingSince: thinkingSince ?? (reasoning ? undefined : Date.now()) };
    return content || !thinkingSince ? {} : { thinkingMs: Date.now() - thinkingSince };
  }

  function end({ id, status, error, figures }) {
    const { tree, progress } = store.get();
    if (progress?.id === id) store.update({ progress: null });
    if (!tree.has(id)) return refetch();
    put({ ...tree.get(id), status, error, figures });
  }

  function sources({ id, sources: found }) {
    const ours = store.get().tree.get(id);
    if (ours) put({ ...ours, sources: found });
    else refetch();
  }

  function progress(seen) {
    heard();
    store.update({ progress: seen });
  }

  return { open, adopt, refetch, absorb, takeChat, events: { message, sources, text, end, progress, queued: progress, loading: progress } };
}
