// One file as a chip: what it is, how far it has come, and what can be done with it; a picture is shown. Its name is a
// stranger's.
import { picturePath } from "./api.js";
import { element, icon, iconButton } from "./dom.js";
import { draftFile, nameParts } from "./files.js";
import { formatBytes, formatNumber, t } from "./i18n.js";
import { isPicture, isPictureFile } from "./pictures.js";
import { sentenceOf } from "./problems.js";

const KIND = /\.(pdf|docx)$/i;
const PERCENT = { style: "percent", maximumFractionDigits: 0 };

/** Its length, and what it takes of the model's memory where that is known. */
export function factsOf({ pages, size_bytes: size, tokens }) {
  const length = pages ? t("files.pages", { count: formatNumber(pages) }) : formatBytes(size);
  return Number.isFinite(tokens) ? `${length} · ${t("files.tokens", { count: formatNumber(tokens) })}` : length;
}

const DETAILS = {
  uploading: ({ progress }) => t("files.uploading", { percent: progress.toLocaleString(document.documentElement.lang, PERCENT) }),
  reading: () => t("files.reading"),
  ready: ({ info }) => factsOf(info),
  refused: () => "",
};

const signOf = (file) => (isPictureFile(file) ? "picture" : (KIND.exec(file.name)?.[1].toLowerCase() ?? "text"));

/** {item, show(file)} for a file of a draft (files.js); `onRemove` null where it stays. */
export function createChip({ onOpen, onRemove = null }) {
  const [head, tail] = [element("span"), element("span")];
  const name = element("span", { className: "chip-name", dir: "auto", children: [head, tail] });
  const detail = element("span", { className: "chip-detail" });
  const sign = icon("file-text");
  const said = element("span", { className: "visually-hidden" });
  const seen = element("span", { "aria-hidden": "true", children: [name, detail] });
  const picture = element("img", { className: "chip-picture", alt: "", decoding: "async", draggable: "false" });
  const open = element("button", { type: "button", className: "chip-open", children: [sign, said, seen] });
  const why = element("span", { dir: "auto" });
  const reason = element("p", { className: "chip-reason", children: [why] });
  const bar = element("progress", { max: "1", "aria-hidden": "true" });
  const remove = onRemove ? iconButton("close", { label: t("files.remove"), className: "chip-remove", onClick: () => onRemove(shown) }) : "";
  const item = element("li", { className: "chip", children: [open, remove, reason, bar] });
  let shown = null;

  function show(file) {
    const { status, progress, problem } = file;
    shown = file;
    const [first, last] = nameParts(file.name);
    const words = DETAILS[status](file);
    item.dataset.status = status;
    sign.firstChild.setAttribute("href", `#icon-file-${signOf(file)}`);
    [head.textContent, tail.textContent, detail.textContent, why.textContent] = [first, last, words, problem ? sentenceOf(problem) : ""];
    open.disabled = status !== "ready";
    open.title = file.name;
    const isSeen = status === "ready" && isPicture(file.info);
    showPicture(isSeen ? file : null);
    const action = isSeen ? t("pictures.open", { name: file.name }) : t("files.open", { name: file.name });
    const label = open.disabled ? file.name : action;
    said.textContent = words ? `${label}, ${words}` : label;
    if (isSeen) open.setAttribute("aria-label", said.textContent); // else the picture's name came twice
    bar.hidden = status !== "uploading" && status !== "reading";
    if (status === "reading") bar.removeAttribute("value");
    else bar.value = progress;
    if (remove) remove.title = t("files.remove", { name: file.name });
    if (remove) remove.setAttribute("aria-label", remove.title);
  }

  /** In place of the words; null: there is none. */
  function showPicture(file) {
    item.classList.toggle("is-picture", file !== null);
    if (file === null) return picture.remove();
    const path = picturePath(file.info.id);
    if (picture.getAttribute("src") !== path) picture.src = path;
    picture.alt = file.name;
    if (!picture.isConnected) open.prepend(picture);
  }

  open.addEventListener("click", () => onOpen(shown.info));
  return { item, show };
}

/** Chips of what the server knows of files, in a list; `onRemove(info)` if they can be taken off. */
export function chipList(infos, { onOpen, onRemove = null }) {
  const chips = infos.map((info) => {
    const chip = createChip({ onOpen, onRemove: onRemove && (() => onRemove(info)) });
    chip.show(draftFile(info));
    return chip.item;
  });
  return element("ul", { className: "chips", "aria-label": t("files.attached"), children: chips });
}
