import assert from "node:assert/strict";
import { test } from "node:test";
import { grouped, inOrder, withChat } from "../../templates/web/js/groups.js";

process.env.TZ = "Europe/Berlin"; // its day of 25 hours: 25 October 2026
const at = (text) => new Date(text).getTime();
const chat = (id, updated, isPinned = false) => ({ id, is_pinned: isPinned, updated_ms: at(updated) });
const NOW = at("2026-10-26T09:00:00");
const names = (chats) => grouped(chats, NOW).map(({ name, chats: members }) => [name, ...members.map(({ id }) => id)]);

test("chats are grouped by calendar days, also over a day of 25 hours", () => {
  const chats = [
    chat("last-second", "2026-10-25T23:59:59"),
    chat("midnight", "2026-10-26T00:00:00"),
    chat("long-day", "2026-10-25T00:00:00"),
    chat("week", "2026-10-19T00:00:00"),
    chat("older", "2026-10-18T23:59:59"),
  ];
  assert.deepEqual(names(chats), [["today", "midnight"], ["yesterday", "last-second", "long-day"], ["week", "week"], ["older", "older"]]);
});

test("pinned chats come first, whatever their day, and the newest first in each group", () => {
  const chats = [chat("a", "2026-10-26T08:00:00"), chat("b", "2026-10-26T08:30:00"), chat("p", "2020-01-01T00:00:00", true)];
  assert.deepEqual(names(chats), [["pinned", "p"], ["today", "b", "a"]]);
});

test("a clock that runs ahead still means today", () => {
  assert.deepEqual(names([chat("a", "2026-10-27T08:00:00")]), [["today", "a"]]);
});

test("a changed chat takes its place and keeps what the change does not name", () => {
  const chats = inOrder([{ ...chat("a", "2026-10-26T08:00:00"), title: "A" }, chat("b", "2026-10-26T08:30:00")]);
  const after = withChat(chats, chat("a", "2026-10-26T09:00:00"), false);
  assert.deepEqual(after.map(({ id }) => id), ["a", "b"]);
  assert.equal(after[0].title, "A");
});

test("a chat beyond what is loaded waits for its page, a pinned one does not", () => {
  const chats = [chat("a", "2026-10-26T08:00:00")];
  assert.equal(withChat(chats, chat("old", "2026-01-01T00:00:00"), true), chats);
  assert.equal(withChat(chats, chat("old", "2026-01-01T00:00:00"), false).length, 2);
  assert.equal(withChat(chats, chat("old", "2026-01-01T00:00:00", true), true)[0].id, "old");
});
