// One message on the page, from its data. Redrawn only in the parts that changed.
import { copyButton } from "./clipboard.js";
import { element, icon, iconButton } from "./dom.js";
import { t } from "./i18n.js";
import { MarkdownStream } from "./markdown.js";

const isOpen = (status) => status === "waiting" || status === "streaming";

const REMARKS = {
  length: () => t("message.length"),
  stopped: () => t("message.stopped"),
  interrupted: () => t("message.interrupted"),
};

const ERRORS = {
  busy: () => t("error.busy"),
  connection: () => t("error.connection"),
  context: () => t("error.context"),
};

function errorSentence({ kind, reason } = {}) {
  return ERRORS[kind]?.() ?? [t("error.unknown"), reason].filter(Boolean).join(" ");
}

/** {item, show(message, isLast, isReady)} for a message of the user. */
function userView(message, actions) {
  const body = element("div", { className: "body", dir: "auto", children: [message.content] });
  const tools = element("div", { className: "tools" });
  const name = element("span", { className: "visually-hidden", children: [t("message.user")] });
  const item = element("li", { className: "message user", children: [name, body, tools] });
  const copy = copyButton(() => message.content);
  const edit = iconButton("edit", { label: t("edit"), onClick: () => actions.edit(message) });
  return { item, show: (now, { isLastOfRole, isBusy }) => tools.replaceChildren(...(isLastOfRole && !isBusy ? [copy, edit] : [copy])) };
}

/** The same for an answer; its Markdown grows. */
function answerView(message, actions) {
  const body = element("div", { className: "body prose" });
  const foot = element("div", { className: "foot" });
  const name = element("span", { className: "visually-hidden", children: [t("message.assistant")] });
  const item = element("li", { className: "message assistant", children: [name, body, foot] });
  const stream = new MarkdownStream(body);
  let shown = null; // what the foot shows, as one string to compare

  function footChildren(now, { isLast, isReady }) {
    if (now.status === "waiting") {
      return [element("p", { className: "pending", children: [isReady ? t("message.reading") : t("message.waiting")] })];
    }
    if (now.status === "streaming") return [];
    if (now.status === "error") return [errorNotice(now, isLast)];
    const again = iconButton("retry", { label: t("regenerate"), onClick: actions.regenerate });
    const copy = now.content ? [copyButton(() => now.content)] : [];
    const remark = REMARKS[now.status] ? [element("p", { className: "remark", children: [REMARKS[now.status]()] })] : [];
    return [...remark, element("div", { className: "tools", children: isLast ? [...copy, again] : copy })];
  }

  function errorNotice(now, isLast) {
    const words = [element("p", { children: [errorSentence(now.error)] })];
    if (isLast) words.push(iconButton("retry", { text: t("tryAgain"), className: "button", onClick: actions.regenerate }));
    return element("div", { className: "notice", role: "alert", children: [icon("warning"), element("div", { children: words })] });
  }

  function show(now, place) {
    if (now.content) stream.render(now.content, !isOpen(now.status));
    body.setAttribute("aria-busy", String(isOpen(now.status)));
    const key = `${now.status} ${place.isLast} ${place.isReady}`;
    if (key === shown) return;
    shown = key;
    foot.replaceChildren(...footChildren(now, place));
  }
  return { item, show };
}

/** The view for one message; call show(message, {isLast, isLastOfRole, isReady, isBusy}) whenever something changed. */
export function createMessageView(message, actions) {
  return message.role === "user" ? userView(message, actions) : answerView(message, actions);
}
