// The empty page: a greeting and a few first questions, the packer's where there are some.
import { brandOf, nameOf, showLogo } from "./brand.js";
import { byId, element } from "./dom.js";
import { t } from "./i18n.js";
import { renderMarkdown } from "./markdown.js";

const usual = () => [
  [t("suggestion.explain.title"), t("suggestion.explain.detail")],
  [t("suggestion.email.title"), t("suggestion.email.detail")],
  [t("suggestion.ideas.title"), t("suggestion.ideas.detail")],
  [t("suggestion.code.title"), t("suggestion.code.detail")],
];

function suggestion(children, text, onChoose) {
  const button = element("button", { type: "button", dir: "auto", children });
  button.addEventListener("click", () => onChoose(text));
  return element("li", { children: [button] });
}

function suggestions({ prompts = [] }, onChoose) {
  if (prompts.length) return prompts.map((prompt) => suggestion([prompt], prompt, onChoose));
  return usual().map(([title, detail]) => {
    const children = [element("strong", { children: [title] }), " ", element("span", { children: [detail] })];
    return suggestion(children, `${title} ${detail}`, onChoose);
  });
}

/** {draw} for another language; `onChoose(text)` when a question is chosen. */
export function createWelcome(store, onChoose) {
  let drawn = null; // the information that is drawn

  function draw({ info } = store.get()) {
    drawn = info;
    const brand = brandOf(info);
    showLogo(byId("welcome-logo"), brand.logo, nameOf(info));
    byId("welcome-text").hidden = Boolean(brand.welcome);
    byId("welcome-brand").hidden = !brand.welcome;
    renderMarkdown(brand.welcome ?? "", byId("welcome-brand"));
    byId("suggestions").replaceChildren(...suggestions(brand, onChoose));
  }

  store.subscribe((state) => state.info !== drawn && draw(state));
  draw();
  return { draw };
}
