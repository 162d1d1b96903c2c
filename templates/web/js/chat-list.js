// The list of chats: loaded page by page, searched, and changed by the person and by events.
import { ApiError, ConnectionError, changeChat, deleteChat, fetchChats, searchChats } from "./api.js";
import { inOrder, withChat } from "./groups.js";
import { explain } from "./problems.js";

const PAGE = 50;
const MOST = 200; // chats that are asked for at once after the connection was lost
const SEARCH_MS = 180;

/** onProblem({kind, reason}) when a wish was refused, onTrouble() when nothing answers. */
export function createChatList(store, { onProblem, onTrouble }) {
  const leaving = new Map(); // id -> the deleted chat, until the server is told
  let isLoading = false;
  let isStale = false;
  let searching = null;
  let timer = null;

  const remaining = (chats) => chats.filter(({ id }) => !leaving.has(id));

  async function attempt(wish) {
    try {
      return await wish();
    } catch (error) {
      if (error.name === "AbortError") return null;
      if (error instanceof ConnectionError) onTrouble();
      else if (error instanceof ApiError) onProblem(explain(error));
      else throw error;
      return null;
    }
  }

  /** One page at a time; what happened while the first was on its way is asked for again. */
  async function load(cursor) {
    if (isLoading) {
      isStale ||= cursor === null;
      return;
    }
    isLoading = true;
    const { chats } = store.get();
    const limit = cursor === null ? Math.min(Math.max(chats.length, PAGE), MOST) : PAGE;
    const page = await attempt(() => fetchChats(limit, cursor));
    isLoading = false;
    if (isStale) {
      isStale = false;
      return load(null);
    }
    if (!page) return;
    const known = cursor === null ? [] : store.get().chats.filter(({ id }) => !page.chats.some((chat) => chat.id === id));
    store.update({ chats: inOrder(remaining([...known, ...page.chats])), next: page.next, isListed: true });
  }

  const reload = () => load(null);
  const loadMore = () => store.get().next !== null && store.get().query === "" && load(store.get().next);

  function search(query) {
    clearTimeout(timer);
    searching?.abort();
    store.update(query.trim() ? { query } : { query: "", found: null });
    if (query.trim()) timer = setTimeout(() => find(query.trim()), SEARCH_MS);
  }

  async function find(query) {
    const mine = (searching = new AbortController());
    const answer = await attempt(() => searchChats(query, mine.signal));
    if (answer && searching === mine && store.get().query.trim() === query) store.update({ found: remaining(answer.chats) });
  }

  /** A new or changed chat, from an event or an answer. */
  function take(chat) {
    if (leaving.has(chat.id)) return;
    const { chats, next, found } = store.get();
    const isKnown = found?.some(({ id }) => id === chat.id);
    store.update({
      chats: withChat(chats, chat, next !== null),
      found: isKnown ? found.map((one) => (one.id === chat.id ? { ...one, ...chat } : one)) : found,
    });
  }

  /** A chat that is gone; null: all of them. */
  function drop(id) {
    const others = (chats) => (id === null ? [] : chats.filter((chat) => chat.id !== id));
    const { chats, found, next } = store.get();
    store.update({ chats: others(chats), found: found && others(found), next: id === null ? null : next });
  }

  async function change(chat, patch) {
    take({ ...chat, ...patch });
    take((await attempt(() => changeChat(chat.id, patch))) ?? chat);
  }

  /** Out of sight at once; really deleted by finishDelete(), unless undoDelete() comes first. */
  function startDelete(chat) {
    leaving.set(chat.id, chat);
    drop(chat.id);
  }

  function undoDelete(chat) {
    if (leaving.delete(chat.id)) take(chat);
  }

  async function finishDelete(chat, { isLeaving = false } = {}) {
    if (!leaving.has(chat.id)) return;
    try {
      await deleteChat(chat.id, { keepalive: isLeaving });
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return;
      leaving.delete(chat.id);
      take(chat);
      onProblem(explain(error));
    }
  }

  return {
    reload, loadMore, search, take, drop, startDelete, undoDelete, finishDelete,
    rename: (chat, title) => change(chat, { title }),
    pin: (chat) => change(chat, { is_pinned: !chat.is_pinned }),
  };
}
