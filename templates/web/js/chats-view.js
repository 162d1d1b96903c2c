// The list in the sidebar: its rows, the search field, the menu of a chat, and the end that asks for more.
import { exportPath } from "./api.js";
import { createChatRows } from "./chat-rows.js";
import { byId } from "./dom.js";
import { t } from "./i18n.js";
import { createPopup } from "./popup.js";
import { isAnswering } from "./shown.js";

/** Draws the store's list. `list` acts on it (chat-list.js), onDelete(chat, then) asks to delete. Returns {draw, focusSearch}. */
export function createChatsView(store, list, { onDelete }) {
  const [search, note] = [byId("search"), byId("chats-note")];
  const popup = createPopup(byId("chat-menu"));
  const rows = createChatRows(byId("chat-groups"), { onMenu, onRename: list.rename, onDelete });
  let drawn = [];

  function onMenu(chat, button) {
    popup.open(button, [
      { name: "edit", text: t("chat.rename"), act: () => rows.rename(chat.id) },
      { name: "pin", text: chat.is_pinned ? t("chat.unpin") : t("chat.pin"), act: () => list.pin(chat) },
      { name: "download", text: t("chat.download"), href: exportPath("markdown", chat.id) },
      { name: "trash", text: t("delete"), isDanger: true, act: () => onDelete(chat) },
    ]);
  }

  function noteOf({ query, found, chats, isListed }) {
    if (query) return found?.length === 0 ? t("search.none", { query }) : "";
    return isListed && chats.length === 0 ? t("chats.none") : "";
  }

  function draw(state = store.get()) {
    const { chats, found, query, chatId } = state;
    const words = noteOf(state);
    const isBusy = isAnswering(state);
    const key = [query ? found : chats, chatId, isBusy, words, t("newChat"), new Date().toDateString()];
    if (key.every((part, index) => part === drawn[index])) return;
    drawn = key;
    note.hidden = words === "";
    note.textContent = words;
    if (!query || found) rows.draw(query ? found : chats, { chatId, isBusy, isFound: Boolean(query) });
  }

  let said = null;
  function announce({ query, found }) {
    if (!query || found === said) return;
    said = found;
    if (found) byId("announcer").textContent = t("search.found", { count: found.length });
  }

  search.addEventListener("input", () => list.search(search.value));
  search.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && search.value) {
      event.stopPropagation();
      search.value = "";
      list.search("");
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      rows.focusFirst();
    }
  });
  const ends = new IntersectionObserver((seen) => seen.some(({ isIntersecting }) => isIntersecting) && list.loadMore(), { root: byId("chats"), rootMargin: "300px" });
  let next = null;
  store.subscribe((state) => {
    draw(state);
    announce(state);
    if (state.next === next) return;
    next = state.next; // observed anew, since the end may still be in sight after a page has come
    ends.disconnect();
    if (next !== null) ends.observe(byId("chats-end"));
  });
  document.addEventListener("visibilitychange", () => document.hidden || draw());
  draw();
  return { draw, focusSearch: () => search.focus() };
}
