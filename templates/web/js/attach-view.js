// The files of the message that is being written, over the text field, and the ways in which files come: the button, a
// drop anywhere on the page, a paste.
import { byId } from "./dom.js";
import { createChip } from "./file-chip.js";
import { isPasteOfFiles } from "./files.js";
import { t } from "./i18n.js";
import { seesImages } from "./models.js";
import { unsentOf } from "./unsent.js";

const DRAG_MS = 800; // a drag that is over the page tells so at least every half second; nothing sure tells its end

const canTake = ({ phase }) => (phase === "ready" || phase === "loading") && !document.querySelector("dialog[open]");

/** What is dropped; a folder is named, since a browser gives it as a file that cannot be read. */
function filesIn({ items }) {
  return [...items].filter(({ kind }) => kind === "file").flatMap((item) => {
    const entry = item.webkitGetAsEntry?.();
    return entry?.isDirectory ? [{ name: entry.name, size: 0, isFolder: true }] : [item.getAsFile()].filter(Boolean);
  });
}

function watchDrops(zone, isOpen, onFiles) {
  const isDrag = ({ dataTransfer }) => dataTransfer?.types.includes("Files");
  let timer = null;
  const hide = () => (zone.hidden = true);

  document.addEventListener("dragover", (event) => {
    if (!isDrag(event)) return;
    event.preventDefault(); // else the browser leaves the page for a file that is dropped
    event.dataTransfer.dropEffect = isOpen() ? "copy" : "none";
    zone.hidden = !isOpen();
    clearTimeout(timer);
    timer = setTimeout(hide, DRAG_MS);
  });
  document.addEventListener("drop", (event) => {
    if (!isDrag(event)) return;
    event.preventDefault();
    hide();
    if (isOpen()) onFiles(filesIn(event.dataTransfer));
  });
}

function watchPastes(isOpen, onFiles) {
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!isOpen() || event.target.closest?.("input, textarea:not(#prompt)")) return;
    if (!isPasteOfFiles(event.clipboardData.getData("text/plain"), files)) return;
    event.preventDefault();
    onFiles(files);
  });
}

/** `attachments` does the work; onOpen(info) shows a file, onAdded() is called once some were added. Returns {redraw}. */
export function createAttachView(store, attachments, { onOpen, onAdded }) {
  const [list, button, input, prompt] = ["attached", "attach", "attach-file", "prompt"].map(byId);
  const chips = new Map(); // key of the file -> its chip
  let drawn = null;
  let worded = null; // whether the words are of a model that takes pictures

  /** The focus goes on to the next file, after the last one to the text. */
  function remove(file) {
    const index = [...list.children].indexOf(chips.get(file.key).item);
    attachments.remove(file);
    const next = list.children[index] ?? list.lastElementChild;
    (next?.querySelector(".chip-remove") ?? prompt).focus();
  }

  function draw(state = store.get()) {
    const isOpen = state.phase === "ready" || state.phase === "loading";
    if (button.disabled === isOpen) button.disabled = !isOpen;
    drawWords(seesImages(state));
    const { files } = unsentOf(state);
    if (files === drawn) return;
    drawn = files;
    const keys = new Set(files.map(({ key }) => key));
    for (const [key, { item }] of chips) {
      if (keys.has(key)) continue;
      item.remove();
      chips.delete(key);
    }
    const before = chips.size;
    files.forEach(show);
    list.hidden = files.length === 0;
    if (chips.size > before) list.scrollTop = list.scrollHeight;
  }

  function drawWords(sees) {
    if (sees === worded) return;
    worded = sees;
    button.title = sees ? t("pictures.attach") : t("files.attach");
    for (const node of [button, input]) node.setAttribute("aria-label", button.title);
    byId("drop-kinds").textContent = sees ? t("pictures.kinds") : t("files.kinds");
  }

  function show(file, index) {
    const chip = chips.get(file.key) ?? createChip({ onOpen, onRemove: remove });
    chips.set(file.key, chip);
    if (list.children[index] !== chip.item) list.insertBefore(chip.item, list.children[index] ?? null);
    if (chip.file !== file) chip.show(file);
    chip.file = file;
  }

  function redraw() {
    chips.clear();
    list.replaceChildren();
    drawn = worded = null;
    draw();
  }

  function add(files) {
    if (files.length === 0) return;
    attachments.add(files);
    onAdded();
  }

  const isOpen = () => canTake(store.get());
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // so that the same file can be chosen again
    add(files);
  });
  watchDrops(byId("drop-zone"), isOpen, add);
  watchPastes(isOpen, add);
  store.subscribe(draw);
  draw();
  return { redraw };
}
