// The order of the chats in the list, and the days they are grouped by. Pure.

export const GROUPS = ["pinned", "today", "yesterday", "week", "older"];

/** Pinned first, then the newest first. */
export function inOrder(chats) {
  return [...chats].sort((a, b) => Number(b.is_pinned) - Number(a.is_pinned) || b.updated_ms - a.updated_ms || (a.id < b.id ? 1 : -1));
}

/** Midnight, `days` before the day of `now`, as this computer's calendar has it: days of 23 and 25 hours too. */
function midnight(now, days) {
  const day = new Date(now);
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() - days).getTime();
}

/** [{name, chats}] in the order of GROUPS, without empty ones; `now` in milliseconds since the epoch. */
export function grouped(chats, now) {
  const starts = { today: midnight(now, 0), yesterday: midnight(now, 1), week: midnight(now, 7), older: -Infinity };
  const nameOf = (chat) => (chat.is_pinned ? "pinned" : Object.keys(starts).find((name) => chat.updated_ms >= starts[name]));
  const groups = new Map(GROUPS.map((name) => [name, []]));
  for (const chat of inOrder(chats)) groups.get(nameOf(chat)).push(chat);
  return [...groups].map(([name, members]) => ({ name, chats: members })).filter((group) => group.chats.length > 0);
}

/** `chats` with a new or changed one. One older than all that is loaded so far is left for when the rest is loaded. */
export function withChat(chats, chat, hasMore) {
  const known = chats.find(({ id }) => id === chat.id);
  const oldest = inOrder(chats).at(-1);
  const isBeyond = hasMore && !known && !chat.is_pinned && oldest && !oldest.is_pinned && chat.updated_ms < oldest.updated_ms;
  if (isBeyond) return chats;
  return inOrder([...chats.filter(({ id }) => id !== chat.id), { ...known, ...chat }]);
}
