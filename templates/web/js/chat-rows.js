// The rows of the list of chats: links in groups by day, a field for a new name, arrow keys from row to row.
import { element, icon } from "./dom.js";
import { grouped } from "./groups.js";
import { t } from "./i18n.js";
import { excerptParts } from "./pieces.js";
import { hashOf } from "./route.js";

const TITLES = {
  pinned: () => t("group.pinned"),
  today: () => t("group.today"),
  yesterday: () => t("group.yesterday"),
  week: () => t("group.week"),
  older: () => t("group.older"),
};

export const titleOf = (chat) => chat.title || t("newChat");

function excerpt({ excerpt: found }) {
  if (!found?.text) return [];
  const parts = excerptParts(found).map(({ text, isMarked }) => (isMarked ? element("mark", { children: [text] }) : text));
  return [element("span", { className: "chat-excerpt", dir: "auto", children: parts })];
}

/** Draws into `place`. onMenu(chat, button), onRename(chat, title) and onDelete(chat) act. */
export function createChatRows(place, { onMenu, onRename, onDelete }) {
  const rows = new Map(); // id -> {item, link, more, chat, key}
  let renaming = null;
  let isStale = null; // what to draw once the name is given

  function add(id) {
    const link = element("a", { className: "chat-link", href: hashOf(id) });
    const more = element("button", { type: "button", className: "chat-more", "aria-haspopup": "menu", children: [icon("more")] });
    const item = element("li", { className: "chat-row", children: [link, more] });
    const row = { item, link, more, chat: null, key: "" };
    more.addEventListener("click", () => onMenu(row.chat, more));
    item.addEventListener("keydown", (event) => onKey(event, row));
    item.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      onMenu(row.chat, more);
    });
    rows.set(id, row);
    return row;
  }

  function show(chat, isCurrent) {
    const row = rows.get(chat.id) ?? add(chat.id);
    row.chat = chat;
    row.link.tabIndex = row.more.tabIndex = isCurrent ? 0 : -1;
    if (isCurrent) row.link.setAttribute("aria-current", "page");
    else row.link.removeAttribute("aria-current");
    const title = titleOf(chat);
    const key = JSON.stringify([title, chat.is_answering, chat.is_pinned, chat.excerpt, t("chat.menu")]);
    if (key === row.key) return row.item;
    row.key = key;
    const dot = chat.is_answering ? [element("span", { className: "chat-dot", role: "img", "aria-label": t("chat.answering") })] : [];
    row.link.replaceChildren(element("span", { className: "chat-title", dir: "auto", title, children: [title] }), ...dot, ...excerpt(chat));
    row.more.setAttribute("aria-label", t("chat.menuOf", { title }));
    return row.item;
  }

  function group(name, items) {
    const id = `group-${name}`;
    const list = element("ul", { className: "chat-group", children: items });
    if (!TITLES[name]) return element("section", { children: [list] });
    list.setAttribute("aria-labelledby", id);
    return element("section", { children: [element("h2", { id, children: [TITLES[name]()] }), list] });
  }

  /** `chats` in groups by day, or as they come when `isFound`. */
  function draw(chats, { chatId, isBusy, isFound }) {
    if (renaming) {
      isStale = () => draw(chats, { chatId, isBusy, isFound });
      return;
    }
    const focused = place.contains(document.activeElement) ? document.activeElement : null;
    const groups = isFound ? [{ name: "found", chats }] : grouped(chats, Date.now());
    place.replaceChildren(...groups.map(({ name, chats: members }) => group(name, members.map((chat) => show(chat.id === chatId ? { ...chat, is_answering: isBusy } : chat, chat.id === chatId)))));
    for (const [id, row] of rows) if (!row.item.isConnected) rows.delete(id);
    if (!place.querySelector(".chat-link[tabindex='0']")) place.querySelector(".chat-link")?.setAttribute("tabindex", "0");
    if (focused?.isConnected) focused.focus({ preventScroll: true });
  }

  function onKey(event, row) {
    if (renaming) return;
    const links = [...place.querySelectorAll(".chat-link")];
    const here = links.indexOf(row.link);
    const isRight = getComputedStyle(place).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
    const to = { ArrowDown: links[here + 1], ArrowUp: links[here - 1], Home: links[0], End: links.at(-1), [isRight]: row.more };
    if (to[event.key]) focus(to[event.key]);
    else if (["ArrowLeft", "ArrowRight"].includes(event.key)) focus(row.link);
    else if (event.key === "F2") rename(row.chat.id);
    else if (event.key === "Delete" && event.target === row.link) onDelete(row.chat, focus.bind(null, links[here + 1] ?? links[here - 1]));
    else return;
    event.preventDefault();
  }

  /** Tab leaves the list and comes back to where it was. */
  function focus(target) {
    if (!target) return;
    for (const { link, more } of rows.values()) link.tabIndex = more.tabIndex = -1;
    const row = [...rows.values()].find(({ item }) => item.contains(target));
    row.link.tabIndex = row.more.tabIndex = 0;
    target.focus();
  }

  /** A field in the place of the name; Enter and leaving it keep the new name, Escape the old one. */
  function rename(id) {
    const row = rows.get(id);
    if (!row || renaming) return;
    const field = element("input", { className: "chat-rename", type: "text", maxlength: "200", dir: "auto", "aria-label": t("chat.newName") });
    field.value = titleOf(row.chat);
    renaming = row;
    row.item.classList.add("is-renamed");
    row.item.append(field);
    field.select();
    field.focus();
    field.addEventListener("keydown", (event) => {
      if (event.isComposing || !["Enter", "Escape"].includes(event.key)) return;
      event.stopPropagation();
      finish(row, field, event.key === "Enter");
      row.link.focus();
    });
    field.addEventListener("blur", () => finish(row, field, true));
  }

  function finish(row, field, isKept) {
    if (renaming !== row) return;
    renaming = null;
    const title = field.value.trim();
    row.item.classList.remove("is-renamed");
    field.remove();
    isStale?.();
    isStale = null;
    if (isKept && title && title !== titleOf(row.chat)) onRename(row.chat, title);
  }

  const focusFirst = () => focus(place.querySelector(".chat-link"));
  return { draw, rename, focusFirst };
}
