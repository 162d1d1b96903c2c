// The parts of an answer beside its text: thinking, waiting, remarks, errors; and the switch between versions.
import { element, icon, iconButton } from "./dom.js";
import { formatNumber, t } from "./i18n.js";
import { sentenceOf } from "./problems.js";

const REMARKS = {
  length: () => t("message.length"),
  stopped: () => t("message.stopped"),
  interrupted: () => t("message.interrupted"),
};

export const isOpen = ({ status }) => ["waiting", "sending", "answering"].includes(status);

/** What there is to say below an answer: why it is not whole. */
export function remarksOf({ status }) {
  return REMARKS[status] ? [element("p", { className: "remark", children: [REMARKS[status]()] })] : [];
}

function waitingWords(message, { isReady, progress }) {
  if (!isReady) return t("message.waiting");
  if (progress?.model) return t("message.loadingModel", { model: progress.model });
  if (progress?.before > 0) return t("message.queued", { count: formatNumber(progress.before) });
  if (!progress?.total) return t("message.reading");
  return t("message.readingSome", { read: formatNumber(progress.read), total: formatNumber(progress.total) });
}

/** The lines under a message whose answer has not begun; show(message, place) keeps them true. */
export function createWaiting() {
  const words = element("span");
  const bar = element("progress", { max: "1", "aria-hidden": "true" });
  const item = element("div", { className: "pending", children: [element("p", { children: [words] }), bar] });
  function show(message, place) {
    const isPending = isOpen(message) && !message.content && !message.reasoning;
    item.hidden = !isPending;
    if (!isPending) return;
    const sentence = waitingWords(message, place);
    if (words.textContent !== sentence) words.textContent = sentence;
    const { read, total } = place.progress ?? {};
    bar.hidden = !total;
    if (total) bar.value = Math.min(read / total, 1);
  }
  return { item, show };
}

/** The thinking, folded away; its summary counts the seconds while it goes on. */
export function createThinking() {
  const text = element("div", { className: "thinking-text", dir: "auto" });
  const words = element("span");
  const summary = element("summary", { children: [icon("thought"), words, icon("next")] });
  const item = element("details", { className: "thinking", children: [summary, text] });
  let shown = "";
  let timer = null;

  function sayTime({ thinkingSince }) {
    const seconds = thinkingSince ? Math.round((Date.now() - thinkingSince) / 1000) : 0;
    words.textContent = seconds > 0 ? t("thinking.now", { seconds: formatNumber(seconds) }) : t("thinking.started");
  }

  function sayEnd({ thinkingMs, figures }) {
    const seconds = figures?.thinking_s ?? thinkingMs / 1000;
    words.textContent = Number.isFinite(seconds) ? t("thinking.done", { seconds: formatNumber(Math.max(1, Math.round(seconds))) }) : t("thinking.some");
  }

  function show(message) {
    const reasoning = message.reasoning ?? "";
    item.hidden = reasoning.trim() === "";
    const isThinking = isOpen(message) && !message.content;
    item.classList.toggle("is-thinking", isThinking);
    if (!reasoning.startsWith(shown)) text.textContent = shown = "";
    if (reasoning.length > shown.length) text.append(reasoning.slice(shown.length));
    shown = reasoning;
    clearInterval(timer);
    if (!isThinking || item.hidden) return sayEnd(message);
    sayTime(message);
    timer = setInterval(() => (item.isConnected ? sayTime(message) : clearInterval(timer)), 1000);
  }
  return { item, show };
}

/** Why there is no answer, with a button to ask again where `onRetry` is given. */
export function errorNotice(message, onRetry) {
  const words = [element("p", { dir: "auto", children: [sentenceOf(message.error)] })];
  if (onRetry) words.push(iconButton("retry", { text: t("tryAgain"), className: "button", onClick: onRetry }));
  return element("div", { className: "notice", role: "alert", children: [icon("warning"), element("div", { children: words })] });
}

/** "2 / 3" with an arrow to each side, or nothing where there is one version; `onTurn(step)`. */
export function versionSwitch({ index, count }, onTurn) {
  if (count < 2) return [];
  const back = iconButton("previous", { label: t("version.previous"), onClick: () => onTurn(-1) });
  const on = iconButton("next", { label: t("version.next"), onClick: () => onTurn(1) });
  back.disabled = index === 0;
  on.disabled = index === count - 1;
  const values = { index: formatNumber(index + 1), count: formatNumber(count) };
  const shown = element("span", { "aria-hidden": "true", children: [t("version.short", values)] });
  const said = element("span", { className: "visually-hidden", children: [t("version.long", values)] });
  return [element("div", { className: "versions", role: "group", children: [back, shown, said, on] })];
}
