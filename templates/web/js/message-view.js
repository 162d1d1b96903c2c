// One message on the page, from its data. Redrawn only in the parts that changed.
import { copyButton } from "./clipboard.js";
import { element, iconButton } from "./dom.js";
import { chipList } from "./file-chip.js";
import { t } from "./i18n.js";
import { MarkdownStream } from "./markdown.js";
import { createEditor } from "./message-edit.js";
import { createThinking, createWaiting, errorNotice, isOpen, remarksOf, versionSwitch } from "./message-parts.js";
import { createSources } from "./sources.js";

const CUT = new Set(["length", "stopped", "interrupted"]);

/** A message of the user's. */
function userView(message, actions) {
  const body = element("div", { className: "body", dir: "auto", children: [message.content] });
  const files = chipList(message.files ?? [], { onOpen: actions.openFile });
  const tools = element("div", { className: "tools" });
  const name = element("span", { className: "visually-hidden", children: [t("message.user")] });
  const leftOut = element("p", { className: "left-out", children: [t("message.leftOut")] });
  const item = element("li", { className: "message user", children: [leftOut, name, files, body, tools] });
  let editor = null;

  function setEditor(editing) {
    if ((editing === null) !== (editor === null)) toggleEditor(editing);
    editor?.showFiles(editing.files);
    const isEditing = editing !== null;
    tools.hidden = isEditing;
    files.hidden = isEditing || !files.firstChild;
    body.hidden = isEditing || !message.content;
  }

  function toggleEditor(editing) {
    editor?.form.remove();
    editor = null;
    if (editing === null) return;
    editor = createEditor(editing.text, {
      onType: actions.typeEdit,
      onSend: (content) => actions.sendEdited(message, content),
      onCancel: actions.cancelEdit,
      onOpen: actions.openFile,
      onDrop: actions.dropEditFile,
    });
    item.append(editor.form);
    editor.focus();
  }

  function show(now, { versions, isBusy, editing, isFirstRead }) {
    setEditor(editing?.id === now.id ? editing : null);
    leftOut.hidden = !isFirstRead;
    item.classList.toggle("has-versions", versions.count > 1);
    const isSent = now.id !== "unsent";
    const buttons = now.content ? [copyButton(() => now.content)] : [];
    if (isSent && !isBusy) buttons.push(iconButton("edit", { label: t("edit"), onClick: () => actions.edit(now) }));
    tools.replaceChildren(...buttons, ...versionSwitch(versions, (step) => actions.turn(now, step)));
  }
  return { item, show };
}

/** An answer; its Markdown grows. */
function answerView(message, actions) {
  const [thinking, waiting, sources] = [createThinking(), createWaiting(), createSources()];
  const body = element("div", { className: "body prose" });
  const foot = element("div", { className: "foot" });
  const name = element("span", { className: "visually-hidden", children: [t("message.assistant")] });
  const item = element("li", { className: "message assistant", children: [name, thinking.item, body, waiting.item, sources.item, foot] });
  let stream = new MarkdownStream(body);
  let drawn = "";
  let shown = null; // what the foot shows, as one string to compare

  /** Text only grows; where it does not, or had been finished and goes on, it is drawn from its beginning. */
  function showText(now) {
    const isFinal = !isOpen(now);
    if (!now.content.startsWith(drawn) || (drawn && item.dataset.final === "true" && !isFinal)) {
      body.replaceChildren();
      stream = new MarkdownStream(body);
    }
    item.dataset.final = String(isFinal);
    drawn = now.content;
    if (drawn) stream.render(drawn, isFinal);
    sources.link(body, now.sources ?? [], isFinal);
    body.hidden = drawn === "";
    body.setAttribute("aria-busy", String(!isFinal));
  }

  function tools(now, { isLast, isBusy, isReady, versions, writer }) {
    const buttons = now.content ? [copyButton(() => now.content)] : [];
    if (now.content) buttons.push(...actions.readAloud(now));
    if (!isBusy && isReady) buttons.push(iconButton("retry", { label: t("regenerate"), onClick: () => actions.regenerate(now) }));
    const go = isLast && CUT.has(now.status) && !isBusy && isReady;
    const goOn = go ? [iconButton("continue", { text: t("continue"), className: "button small", onClick: () => actions.goOn(now) })] : [];
    const by = writer ? [element("span", { className: "writer", title: t("message.writer", { model: writer }), children: [writer] })] : [];
    const remarks = [...remarksOf(now), ...goOn];
    const cut = remarks.length ? [element("div", { className: "cut", children: remarks })] : [];
    return [...cut, element("div", { className: "tools", children: [...buttons, ...versionSwitch(versions, (step) => actions.turn(now, step)), ...by] })];
  }

  function footChildren(now, place) {
    if (isOpen(now)) {
      const isThinking = now.status === "answering" && now.reasoning && !now.content;
      return isThinking ? [iconButton("answer", { text: t("thinking.end"), className: "button small", onClick: () => actions.answerNow(now) })] : [];
    }
    if (now.status !== "failed") return tools(now, place);
    if (now.id === "unsent-answer") return [errorNotice(now, actions.retry), unsentTools()];
    const onRetry = place.isLast && !place.isBusy ? () => actions.regenerate(now) : null;
    return [errorNotice(now, onRetry), ...tools(now, place)];
  }

  const unsentTools = () => element("div", { className: "tools", children: [iconButton("edit", { text: t("takeBack"), onClick: actions.takeBack })] });

  function show(now, place) {
    thinking.show(now);
    sources.show(now.sources ?? []);
    showText(now);
    waiting.show(now, place);
    const { isLast, isReady, isBusy, versions, writer } = place;
    const key = JSON.stringify([now.status, now.error, Boolean(now.content), Boolean(now.reasoning), isLast, isReady, isBusy, versions, writer]);
    item.classList.toggle("is-last", isLast);
    item.classList.toggle("has-versions", versions.count > 1);
    if (key === shown) return;
    shown = key;
    foot.replaceChildren(...footChildren(now, place));
  }
  return { item, show };
}

/** The view for one message; show(message, {isLast, isFirstRead, isReady, isBusy, versions, writer, progress, editing}) when something changed. */
export function createMessageView(message, actions) {
  return message.role === "user" ? userView(message, actions) : answerView(message, actions);
}
