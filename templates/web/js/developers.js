// "For developers" in the settings: where the API is, and snippets to copy.
import { needsKey } from "./api.js";
import { copyButton } from "./clipboard.js";
import { byId, element } from "./dom.js";
import { highlight } from "./highlight.js";
import { t } from "./i18n.js";
import { codeBlock } from "./markdown.js";
import { snippets } from "./snippets.js";

function blockOf({ label, language, text }) {
  const { block, code } = codeBlock(text, label);
  highlight(code, text, language);
  return block;
}

/** Drawn when it is unfolded, which is seldom. Returns {draw} for another language. */
export function createDevelopers(store) {
  const [folded, content] = ["developers", "developers-content"].map(byId);

  async function draw() {
    if (!folded.open) return;
    const base = `${location.origin}/v1`;
    const isLocked = await needsKey();
    const model = store.get().info.model?.id ?? "";
    const address = element("code", { dir: "ltr", children: [base] });
    const line = element("p", { className: "api-base", children: [element("span", { children: [t("developers.base")] }), address, copyButton(() => base)] });
    const key = isLocked ? [element("p", { className: "muted", children: [t("developers.key")] })] : [];
    const blocks = snippets({ base, needsKey: isLocked, model }).map(blockOf);
    content.replaceChildren(line, ...key, ...blocks);
  }

  folded.addEventListener("toggle", draw);
  return { draw };
}
