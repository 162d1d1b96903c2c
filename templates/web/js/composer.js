// The text field: grows with its text, Enter sends, Shift+Enter breaks the line, input methods are left alone.
import { byId } from "./dom.js";
import { isUnread, readyInfos } from "./files.js";
import { t } from "./i18n.js";
import { chatIn } from "./route.js";
import { isAnswering, isEmpty } from "./shown.js";
import { joined, keyOf, unsentOf, withUnsent } from "./unsent.js";

const growsByItself = CSS.supports("field-sizing", "content");
const hasKeyboard = matchMedia("(hover: hover)"); // where focus does not raise a keyboard over half the screen

/** Ties the form to the store. `onSend(text)` and `onStop()` act; returns {focus, draw}. */
export function createComposer(store, { onSend, onStop }) {
  const [form, field, send, stop] = ["composer", "prompt", "send", "stop"].map(byId);
  let held = null; // the chat whose message is to be sent once its files are read

  function grow() {
    if (growsByItself) return;
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`;
  }

  const isWaitingForFiles = (state) => unsentOf(state).files.some(isUnread);

  /** A message is written under the last one, which must be known; files that are still being read come with it. */
  function canSend(state) {
    const hasSomething = field.value.trim() !== "" || readyInfos(unsentOf(state).files).length > 0 || isWaitingForFiles(state);
    return state.isFetched && !isAnswering(state) && ["ready", "loading"].includes(state.phase) && hasSomething;
  }

  function drawSend(state) {
    if (held !== null && (held !== keyOf(state.chatId) || !canSend(state))) held = null;
    const words = held === null ? t("send") : t("send.held");
    send.disabled = !canSend(state);
    send.classList.toggle("is-held", held !== null);
    if (send.title !== words) send.setAttribute("aria-label", (send.title = words));
  }

  /** A message that waited for its files goes now, unless one of them was refused: then its writer decides. */
  function release(state) {
    if (held === null || isWaitingForFiles(state)) return;
    held = null;
    if (unsentOf(state).files.some(({ status }) => status === "refused")) draw();
    else submit();
  }

  function draw(state = store.get()) {
    const { draft } = unsentOf(state);
    if (field.value !== draft) {
      field.value = draft;
      grow();
    }
    const isBusy = isAnswering(state);
    const isFirst = state.phase === "loading" && isEmpty(state);
    const words = isFirst ? t("composer.placeholderLoading") : t("composer.placeholder");
    if (field.placeholder !== words) field.placeholder = words;
    if (send.hidden !== isBusy) send.hidden = isBusy;
    if (stop.hidden === isBusy) stop.hidden = !isBusy;
    drawSend(state);
    release(state);
  }

  function submit() {
    if (!canSend(store.get())) return;
    if (isWaitingForFiles(store.get())) {
      held = keyOf(store.get().chatId);
      return draw();
    }
    onSend(field.value.trim());
    grow();
  }

  function onKey(event) {
    if (event.isComposing || event.keyCode === 229) return; // 229: Safari ends a composition before this key arrives
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape" && isAnswering(store.get())) onStop();
  }

  function focus() {
    if (hasKeyboard.matches) field.focus({ preventScroll: true });
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  field.addEventListener("input", () => {
    held = null; // its writer goes on
    grow();
    const { unsent, chatId } = store.get();
    store.update({ unsent: withUnsent(unsent, keyOf(chatId), { draft: field.value }) });
  });
  field.addEventListener("keydown", onKey);
  const early = field.value; // written before this ran
  if (early) {
    const key = keyOf(chatIn(location.hash) ?? null);
    const { draft = "" } = store.get().unsent[key] ?? {};
    store.update({ unsent: withUnsent(store.get().unsent, key, { draft: joined(draft, early) }) });
  }
  stop.addEventListener("click", () => {
    onStop();
    focus();
  });
  store.subscribe(draw);
  draw();
  return { focus, draw };
}
