// What a person has written and the server does not have yet, by chat: nothing typed is ever lost in this tab, not by
// a reload, not by looking at another chat, not by a program that ends.
import { draftFile, isUnread } from "./files.js";
import { read, write } from "./storage.js";

const KEY = "llamapack.unsent";
const SAVE_EVERY_MS = 300;
const NONE = { draft: "", files: [], editing: null, waiting: null };

export const keyOf = (id) => id ?? "new";

/**
 * Of the chat that is open: {draft, files, editing, waiting}. draft: the text in the field; files: those with it (see
 * files.js). editing: {id, text, files} of the message that is being edited, or null, with what the server knows of its
 * files. waiting: {content, files, parent, known, status, error} of a message on its way, or null; status "waiting" (for the model) | "sending" | "failed", known: ids of the parent's children when it was written.
 */
export const unsentOf = ({ unsent, chatId }) => unsent[keyOf(chatId)] ?? NONE;

/** `unsent` with a change to one chat; a chat without anything leaves nothing behind. */
export function withUnsent(unsent, key, patch) {
  const { [key]: old = NONE, ...others } = unsent;
  const one = { ...old, ...patch };
  return one.draft || one.files.length || one.editing || one.waiting ? { ...others, [key]: one } : others;
}

/** Two texts that must both be kept, in one field. */
export const joined = (first, second) => [first, second].filter((text) => text.trim()).join("\n\n");

const isText = (value) => typeof value === "string";

const isInfo = (value) => isText(value?.id) && isText(value.name);
const infosIn = (value) => (Array.isArray(value) ? value.filter(isInfo) : []);

/** The browser has forgotten the bytes of an upload that was under way. */
function keptFile(file) {
  if (isUnread(file)) return { ...file, status: "refused", problem: { kind: "file_interrupted", reason: "" } };
  return file.status === "ready" ? { ...draftFile(file.info), key: file.key } : file;
}

const isFile = (value) => isText(value?.key) && isText(value.name) && (value.status !== "ready" || isInfo(value.info));

function cleaned({ draft, files, editing, waiting }) {
  const isWaiting = isText(waiting?.content) && Array.isArray(waiting.known) && isText(waiting.status);
  return {
    draft: isText(draft) ? draft : "",
    files: Array.isArray(files) ? files.filter(isFile).map(keptFile) : [],
    editing: isText(editing?.id) && isText(editing.text) ? { ...editing, files: infosIn(editing.files) } : null,
    waiting: isWaiting ? { ...waiting, files: infosIn(waiting.files) } : null,
  };
}

/** What this tab kept before a reload. */
export function restoredUnsent() {
  const saved = read("sessionStorage", KEY);
  const entries = typeof saved === "object" && saved !== null ? Object.entries(saved) : [];
  return Object.fromEntries(entries.filter(([, value]) => value).map(([key, value]) => [key, cleaned(value)]));
}

/** Keeps the store's `unsent` in the tab's storage. */
export function keepUnsent(store) {
  let saved = store.get().unsent;
  let saving = null;

  function save() {
    clearTimeout(saving);
    saving = null;
    saved = store.get().unsent;
    write("sessionStorage", KEY, saved);
  }

  store.subscribe(({ unsent }) => {
    if (unsent !== saved) saving ??= setTimeout(save, SAVE_EVERY_MS);
  });
  addEventListener("pagehide", save);
}
