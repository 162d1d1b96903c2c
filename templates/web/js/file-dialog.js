// A file in a dialog: its text as the model reads it, and only as text, whatever is in it; or the picture.
import { fetchFile, picturePath } from "./api.js";
import { byId, element } from "./dom.js";
import { factsOf } from "./file-chip.js";
import { pagesOf } from "./files.js";
import { formatNumber, t } from "./i18n.js";
import { isPicture } from "./pictures.js";
import { explain, sentenceOf } from "./problems.js";

function pageNodes(chunks, index, pages) {
  const title = pages.length > 1 ? [element("h3", { children: [t("files.page", { page: formatNumber(index + 1) })] })] : [];
  return [...title, ...chunks.map((text) => element("div", { className: "file-text", dir: "auto", children: [text] }))];
}

const problemNode = (problem) => element("p", { className: "dialog-error", dir: "auto", children: [sentenceOf(problem)] });

function pictureNode({ id, name }) {
  const picture = element("img", { className: "file-picture", src: picturePath(id), alt: name });
  picture.addEventListener("error", () => picture.replaceWith(problemNode({ kind: "file_gone", reason: "" })));
  return picture;
}

/** {open(info)} */
export function createFileDialog() {
  const [dialog, title, facts, body, close] = ["", "-title", "-facts", "-body", "-close"].map((part) => byId(`file${part}`));
  let wanted = null;

  async function open(info) {
    wanted = info.id;
    [title.textContent, facts.textContent] = [info.name, factsOf(info)];
    body.replaceChildren(t("files.opening"));
    dialog.showModal();
    body.scrollTop = 0;
    const nodes = isPicture(info) ? [pictureNode(info)] : await contentOf(info.id);
    if (wanted === info.id) body.replaceChildren(...nodes);
  }

  async function contentOf(id) {
    try {
      return pagesOf((await fetchFile(id)).text).flatMap(pageNodes);
    } catch (error) {
      return [problemNode(explain(error))];
    }
  }

  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => body.replaceChildren());
  return { open };
}
