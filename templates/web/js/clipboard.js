// Copying, also where the page is not a secure context (opened over the local network by plain HTTP).
import { t } from "./i18n.js";
import { icon, iconButton } from "./dom.js";

const SHOWN_MS = 1600;

function copyByCommand(text) {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  (document.querySelector("dialog[open]") ?? document.body).append(field); // nothing outside an open dialog can be selected
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  return isCopied;
}

/** Resolves to whether the browser let it happen. */
export async function copyText(text) {
  if (!navigator.clipboard) return copyByCommand(text);
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    return copyByCommand(text);
  }
}

/** A button that copies what `getText` returns, and says so for a moment; `text` is its visible word, if any. */
export function copyButton(getText, { text = "" } = {}) {
  const button = iconButton("copy", { text, label: t("copy"), onClick: onCopy });
  const rest = [...button.childNodes];
  async function onCopy() {
    if (!(await copyText(getText()))) return;
    button.replaceChildren(icon("check"), t("code.copied"));
    setTimeout(() => button.replaceChildren(...rest), SHOWN_MS);
  }
  return button;
}
