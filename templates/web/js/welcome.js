// The empty page: a greeting and a few first questions.
import { element } from "./dom.js";
import { t } from "./i18n.js";

const suggestions = () => [
  [t("suggestion.explain.title"), t("suggestion.explain.detail")],
  [t("suggestion.email.title"), t("suggestion.email.detail")],
  [t("suggestion.ideas.title"), t("suggestion.ideas.detail")],
  [t("suggestion.code.title"), t("suggestion.code.detail")],
];

/** Fill `list` with the suggestions; a click hands the whole question to `onChoose`. */
export function drawSuggestions(list, onChoose) {
  const items = suggestions().map(([title, detail]) => {
    const button = element("button", { type: "button", children: [element("strong", { children: [title] }), element("span", { children: [detail] })] });
    button.addEventListener("click", () => onChoose(`${title} ${detail}`));
    return element("li", { children: [button] });
  });
  list.replaceChildren(...items);
}
