// Deleting a chat: it is out of sight at once, can be brought back while the toast is there, and is gone with it.
import { t } from "./i18n.js";
import { titleOf } from "./chat-rows.js";
import { go } from "./route.js";

/** Returns remove(chat, then). The server is told when the toast goes away, or the tab is hidden or left. */
export function createDeleting(store, list, toast) {
  const waiting = new Set();

  function finish(chat, options) {
    if (waiting.delete(chat)) list.finishDelete(chat, options);
  }

  function remove(chat, then = () => {}) {
    const wasOpen = store.get().chatId === chat.id;
    const undo = () => {
      waiting.delete(chat);
      list.undoDelete(chat);
      if (wasOpen) go(chat.id);
    };
    waiting.add(chat);
    list.startDelete(chat);
    toast.show(t("chat.deleted", { title: titleOf(chat) }), { word: t("undo"), onAction: undo, onGone: () => finish(chat) });
    if (wasOpen) go(null);
    then();
  }

  addEventListener("pagehide", () => [...waiting].forEach((chat) => finish(chat, { isLeaving: true })));
  document.addEventListener("visibilitychange", () => document.hidden && waiting.size > 0 && toast.hide());
  return remove;
}
