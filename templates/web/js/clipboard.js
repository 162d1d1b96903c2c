// Copying, also where the page is not a secure context (opened over the local network by plain HTTP).
import { t } from "./i18n.js";
import { icon, iconButton } from "./dom.js";

const SHOWN_MS = 1600;

function copyByCommand(text) {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

async function copy(text) {
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else copyByCommand(text);
}

/** A button that copies what `getText` returns, and says so for a moment; `text` is its visible word, if any. */
export function copyButton(getText, { text = "" } = {}) {
  const button = iconButton("copy", { text, label: t("copy"), onClick: onCopy });
  const rest = [...button.childNodes];
  async function onCopy() {
    await copy(getText());
    button.replaceChildren(icon("check"), t("code.copied"));
    setTimeout(() => button.replaceChildren(...rest), SHOWN_MS);
  }
  return button;
}
