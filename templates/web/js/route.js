// Which chat is open stands in the address, #/chat/<id>, so that reloading, going back and bookmarks work.

const CHAT = /^#\/chat\/([\w-]{1,64})$/;

/** The id in a hash, null for a new chat, undefined for a hash that is none of ours. */
export function chatIn(hash) {
  if (["", "#", "#/"].includes(hash)) return null;
  return CHAT.exec(hash)?.[1];
}

export const hashOf = (id) => (id === null ? "#/" : `#/chat/${id}`);

/** Go to a chat; null is a new one. */
export function go(id) {
  if (chatIn(location.hash) !== id) location.hash = hashOf(id);
}

/** The page shows this chat already: only the address changes, and no step is added to go back by. */
export const rename = (id) => history.replaceState(null, "", hashOf(id));

/** Calls `onChange(id)` now and whenever the address names another chat. */
export function watchRoute(onChange) {
  const look = () => {
    const id = chatIn(location.hash);
    if (id !== undefined) onChange(id);
  };
  addEventListener("hashchange", look);
  onChange(chatIn(location.hash) ?? null);
}
