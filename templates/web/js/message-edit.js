// A message of the user's while it is being edited: a field in its place.
import { element } from "./dom.js";
import { chipList } from "./file-chip.js";
import { t } from "./i18n.js";

/**
 * {form, focus(), showFiles(infos)}: the field with its buttons; onType(text), onSend(text), onCancel(), onOpen(info)
 * and onDrop(info) act.
 */
export function createEditor(text, { onType, onSend, onCancel, onOpen, onDrop }) {
  const field = element("textarea", { dir: "auto", rows: "1", "aria-label": t("edit.field") });
  field.value = text;
  const cancel = element("button", { type: "button", className: "button", children: [t("cancel")] });
  const send = element("button", { type: "submit", className: "button primary", children: [t("send")] });
  const actions = element("div", { className: "editor-actions", children: [cancel, send] });
  const note = element("p", { className: "muted small", children: [t("edit.note")] });
  const files = element("div");
  const form = element("form", { className: "editor", children: [files, field, element("div", { className: "editor-foot", children: [note, actions] })] });

  function grow() {
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight + 2}px`;
  }

  function submit(event) {
    event.preventDefault();
    if (field.value.trim() || files.firstChild) onSend(field.value.trim());
  }

  field.addEventListener("input", () => {
    grow();
    onType(field.value);
  });
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape") onCancel();
    else if (event.key === "Enter" && !event.shiftKey) submit(event);
  });
  cancel.addEventListener("click", onCancel);
  form.addEventListener("submit", submit);
  function focus() {
    grow();
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  }
  let shown = null;
  function showFiles(infos) {
    if (infos === shown) return;
    if (shown) field.focus();
    shown = infos;
    files.replaceChildren(...(infos.length ? [chipList(infos, { onOpen, onRemove: onDrop })] : []));
  }
  return { form, focus, showFiles };
}
