// What a person can do with the open chat: send, stop, answer again, edit, go on, look at another version.
import { ConnectionError, answerNow, changeChat, createChat, fetchChat, requestAnswer, stopAnswer } from "./api.js";
import { draftFile, idsOf, isUnread, readyInfos } from "./files.js";
import { chosenModel } from "./models.js";
import { explain } from "./problems.js";
import { isAnswering } from "./shown.js";
import { childIds, endOf, isAdded, runningAnswer, treeOf, versionsOf } from "./tree.js";
import { joined, keyOf, unsentOf, withUnsent } from "./unsent.js";

/**
 * Actions over a store. onCreated(chat) when a message made a chat, onProblem({kind, reason}) when a wish was refused,
 * onTrouble() when nothing answers; settled() resolves when the choice of a model is kept.
 */
export function createConversation(store, opened, { onCreated, onProblem, onTrouble, settled }) {
  let isAsking = false;

  const keep = (key, patch) => store.update({ unsent: withUnsent(store.get().unsent, key, patch) });
  const keepHere = (patch) => keep(keyOf(store.get().chatId), patch);
  const waitingIn = (key) => store.get().unsent[key]?.waiting ?? null;

  /** Ask for something; what refuses it is shown, and nothing is lost by it. */
  async function attempt(wish) {
    try {
      return await wish();
    } catch (error) {
      const problem = explain(error);
      if (error instanceof ConnectionError) onTrouble();
      onProblem(problem);
      return null;
    }
  }

  function write(content, files, parent) {
    const state = store.get();
    if (isAnswering(state)) return;
    const key = keyOf(state.chatId);
    keep(key, { waiting: { content, files, parent, known: childIds(state.tree, parent), status: "waiting", error: null } });
    deliver(key);
  }

  /** With the files that are read, and with what could not be sent before it, if anything. */
  function send(content) {
    const { waiting, files } = unsentOf(store.get());
    const parent = waiting ? waiting.parent : (store.get().chat?.head ?? null);
    keepHere({ draft: "", files: files.filter(isUnread), waiting: null });
    write(joined(waiting?.content ?? "", content), [...(waiting?.files ?? []), ...readyInfos(files)], parent);
  }

  /** Send the waiting message of a chat, whichever chat is shown, as soon as the model is ready. */
  async function deliver(key) {
    await store.until(({ phase }) => phase === "ready");
    await settled();
    const waiting = waitingIn(key);
    if (waiting?.status !== "waiting") return;
    keep(key, { waiting: { ...waiting, status: "sending" } });
    let id = key;
    try {
      if (key === "new") id = await begin();
      const { content, files, parent } = waiting;
      const reply = await requestAnswer(id, { content, parent, files: idsOf(files) });
      keep(id, { waiting: null });
      opened.absorb(reply);
    } catch (error) {
      keep(id, { waiting: { ...waiting, status: "failed", error: explain(error) } });
      if (error instanceof ConnectionError) onTrouble();
    }
  }

  /** Make the chat for a first message, and take along what belongs to it. */
  async function begin() {
    const chat = await createChat(chosenModel({ ...store.get(), chatId: null })?.id ?? null);
    const { unsent, chatId } = store.get();
    const { waiting } = unsent.new;
    store.update({ unsent: withUnsent(withUnsent(unsent, "new", { waiting: null }), chat.id, { waiting }) });
    if (chatId === null) {
      keep(chat.id, { draft: unsent.new.draft, files: unsent.new.files });
      keep("new", { draft: "", files: [] });
      opened.adopt(chat);
    }
    onCreated(chat, chatId === null);
    return chat.id;
  }

  function retry() {
    const { waiting } = unsentOf(store.get());
    const key = keyOf(store.get().chatId);
    keep(key, { waiting: { ...waiting, status: "waiting", error: null } });
    deliver(key);
  }

  /** After a reload: what was on its way is sent, unless it had arrived. */
  async function resume() {
    for (const [key, { waiting }] of Object.entries(store.get().unsent)) {
      if (waiting?.status === "sending" && key !== "new") await settle(key, waiting);
      else if (waiting && waiting.status !== "failed") keep(key, { waiting: { ...waiting, status: "waiting" } });
      deliver(key);
    }
  }

  async function settle(key, waiting) {
    const found = await attempt(() => fetchChat(key));
    if (!found) keep(key, { waiting: { ...waiting, status: "failed", error: { kind: "connection", reason: "" } } });
    else if (isAdded(treeOf(found.messages), waiting)) keep(key, { waiting: null });
    else keep(key, { waiting: { ...waiting, status: "waiting" } });
  }

  /** A message that has not been sent comes back into the field. */
  function takeBack() {
    const { waiting, draft, files } = unsentOf(store.get());
    keepHere({ waiting: null, draft: joined(waiting.content, draft), files: [...waiting.files.map(draftFile), ...files] });
  }

  function stop() {
    const state = store.get();
    const running = runningAnswer(state.tree);
    if (running) attempt(() => stopAnswer(running.id));
    else if (unsentOf(state).waiting?.status === "waiting") takeBack();
  }

  async function ask(wish) {
    const { chatId, phase } = store.get();
    if (isAsking || phase !== "ready" || isAnswering(store.get())) return;
    isAsking = true;
    await settled();
    const reply = await attempt(() => requestAnswer(chatId, wish));
    isAsking = false;
    if (reply) opened.absorb(reply);
  }

  function edit(message) {
    keepHere({ editing: { id: message.id, text: message.content, files: message.files ?? [] } });
  }

  const changeEdit = (change) => keepHere({ editing: { ...unsentOf(store.get()).editing, ...change } });

  function sendEdited(message, content) {
    if (isAnswering(store.get())) return;
    const { files } = unsentOf(store.get()).editing;
    keepHere({ editing: null });
    write(content, files, message.parent ?? null);
  }

  /** Show the version `step` places after this one; returns its id. */
  function turn(message, step) {
    const { tree, chat } = store.get();
    const versions = versionsOf(tree, message);
    const wanted = versions[versions.findIndex(({ id }) => id === message.id) + step];
    if (!wanted) return null;
    const head = endOf(tree, wanted.id);
    store.update({ chat: { ...chat, head } });
    attempt(() => changeChat(chat.id, { head })).then((changed) => changed ?? opened.refetch());
    return wanted.id;
  }

  return {
    send, stop, retry, takeBack, resume, edit, sendEdited, turn,
    typeEdit: (text) => changeEdit({ text }),
    dropEditFile: ({ id }) => changeEdit({ files: unsentOf(store.get()).editing.files.filter((one) => one.id !== id) }),
    cancelEdit: () => keepHere({ editing: null }),
    regenerate: (message) => ask({ answers: message.parent }),
    goOn: (message) => ask({ continues: message.id }),
    answerNow: (message) => attempt(() => answerNow(message.id)),
  };
}
