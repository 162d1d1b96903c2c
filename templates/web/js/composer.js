// The text field: grows with its text, Enter sends, Shift+Enter breaks the line, input methods are left alone.
import { isAnswering } from "./conversation.js";
import { byId } from "./dom.js";
import { t } from "./i18n.js";

const growsByItself = CSS.supports("field-sizing", "content");
const hasKeyboard = matchMedia("(hover: hover)"); // where focus does not raise a keyboard over half the screen

/** Ties the form to the store. `onSend(text)`, `onStop()` and `onCancelEdit()` act; returns {focus, draw}. */
export function createComposer(store, { onSend, onStop, onCancelEdit }) {
  const [form, field, send, stop] = ["composer", "prompt", "send", "stop"].map(byId);

  function grow() {
    if (growsByItself) return;
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`;
  }

  function canSend(state) {
    return !isAnswering(state) && ["ready", "loading"].includes(state.phase) && field.value.trim() !== "";
  }

  function draw(state = store.get()) {
    if (field.value !== state.draft) {
      field.value = state.draft;
      grow();
    }
    const isBusy = isAnswering(state);
    const isFirst = state.phase === "loading" && state.messages.length === 0;
    field.placeholder = isFirst ? t("composer.placeholderLoading") : t("composer.placeholder");
    send.hidden = isBusy;
    stop.hidden = !isBusy;
    send.disabled = !canSend(state);
    byId("editing").hidden = state.editing === null;
  }

  function submit() {
    if (!canSend(store.get())) return;
    onSend(field.value.trim());
    grow();
  }

  function onKey(event) {
    if (event.isComposing || event.keyCode === 229) return; // 229: Safari ends a composition before this key arrives
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape") {
      if (store.get().editing) onCancelEdit();
      else if (isAnswering(store.get())) onStop();
    }
  }

  function focus() {
    if (hasKeyboard.matches) field.focus({ preventScroll: true });
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  field.addEventListener("input", () => {
    grow();
    store.update({ draft: field.value });
  });
  field.addEventListener("keydown", onKey);
  stop.addEventListener("click", () => {
    onStop();
    focus();
  });
  byId("edit-cancel").addEventListener("click", () => {
    onCancelEdit();
    focus();
  });
  store.subscribe(draw);
  draw();
  return { focus, draw };
}
