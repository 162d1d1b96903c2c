// The files of a message that is not sent yet: uploaded one after another, kept with the draft, taken off again.
import { ApiError, ConnectionError, deleteFile, fetchFile } from "./api.js";
import { MOST_BYTES, MOST_FILES, draftFile } from "./files.js";
import { formatNumber, t } from "./i18n.js";
import { othersSeeImages, seesImages } from "./models.js";
import { PictureError, toSend } from "./picture-drawing.js";
import { isPictureFile, longestSide } from "./pictures.js";
import { explain, sentenceOf } from "./problems.js";
import { startUpload } from "./uploads.js";
import { keyOf, unsentOf, withUnsent } from "./unsent.js";

const AT_ONCE = 2; // a browser opens six connections to one program, and the page needs some itself

/** A browser tells of a file that it cannot read, and of a program that is gone, with the same words. */
function problemIn(error) {
  if (error instanceof PictureError) return { kind: "picture_unreadable", reason: "" };
  return error instanceof ConnectionError ? { kind: "file_unsent", reason: "" } : explain(error);
}

/** What is wrong with a file before anything is sent, or null. */
function problemOf(file, state) {
  if (file.isFolder) return { kind: "file_folder", reason: "" };
  if (file.size > MOST_BYTES) return { kind: "file_large", reason: "" };
  // Before the program has told of its model, a picture is taken: somebody may be that fast.
  if (!isPictureFile(file) || seesImages(state) || !state.info.model) return null;
  return { kind: othersSeeImages(state) ? "picture_elsewhere" : "picture_unseen", reason: "" };
}

/** {add(files), remove(file), verify()}; `say(sentence)` tells a screen reader, `complain(sentence)` everybody. */
export function createAttachments(store, { say, complain }) {
  const uploads = new Map(); // key -> {abort}
  const queue = []; // [key, File]
  let count = 0;

  /** Change a file in whichever chat's draft it is; null takes it off. Returns whether it was there. */
  function patch(key, change) {
    const { unsent } = store.get();
    const chat = Object.keys(unsent).find((one) => unsent[one].files.some((file) => file.key === key));
    if (chat === undefined) return false;
    const files = unsent[chat].files.flatMap((file) => (file.key !== key ? [file] : change ? [{ ...file, ...change }] : []));
    store.update({ unsent: withUnsent(unsent, chat, { files }) });
    return true;
  }

  /** `given`: File objects, or {name, size, isFolder} for what cannot be sent. */
  function add(given) {
    const { unsent, chatId } = store.get();
    const { files, waiting } = unsentOf(store.get());
    const room = MOST_FILES - files.length - (waiting?.files.length ?? 0);
    if (given.length > room) complain(t("files.most", { count: formatNumber(MOST_FILES) }));
    const added = given.slice(0, Math.max(room, 0)).map((file) => {
      const key = `${Date.now()}-${count++}`;
      const problem = problemOf(file, store.get());
      if (!problem) queue.push([key, file]);
      return { key, name: file.name, size: file.size, status: problem ? "refused" : "uploading", progress: 0, info: null, problem };
    });
    store.update({ unsent: withUnsent(unsent, keyOf(chatId), { files: [...files, ...added] }) });
    for (const { name, problem } of added) if (problem) sayRefused(name, problem);
    next();
  }

  function next() {
    while (uploads.size < AT_ONCE && queue.length > 0) run(...queue.shift());
  }

  async function run(key, file) {
    let isGivenUp = false;
    uploads.set(key, { abort: () => (isGivenUp = true) });
    try {
      const content = await toSend(file, longestSide(store.get().info.n_ctx));
      if (isGivenUp) return;
      const upload = startUpload(content, file.name, (progress) => patch(key, { status: progress < 1 ? "uploading" : "reading", progress }));
      uploads.set(key, upload);
      const info = await upload.done;
      if (patch(key, { ...draftFile(info), key })) say(t("files.ready", { name: info.name }));
      else drop(info.id);
    } catch (error) {
      if (error.name !== "AbortError") refuse(key, file.name, problemIn(error));
    } finally {
      uploads.delete(key);
      next();
    }
  }

  const sayRefused = (name, problem) => say(t("files.refused", { name, reason: sentenceOf(problem) }));

  function refuse(key, name, problem) {
    if (patch(key, { status: "refused", problem })) sayRefused(name, problem);
  }

  function remove({ key, status, info }) {
    patch(key, null);
    const at = queue.findIndex(([one]) => one === key);
    if (at >= 0) queue.splice(at, 1);
    uploads.get(key)?.abort();
    if (status === "ready") drop(info.id);
  }

  /** What nobody uses the program removes by itself, if it does not hear of it now. */
  function drop(id) {
    deleteFile(id).catch((error) => {
      if (!(error instanceof ApiError || error instanceof ConnectionError)) throw error;
    });
  }

  /** After a reload or another start of the program: which files are still there, and how many tokens they have. */
  async function verify() {
    const ready = Object.values(store.get().unsent).flatMap(({ files }) => files.filter(({ status }) => status === "ready"));
    for (const { key, name, info } of ready) {
      try {
        const { text, ...known } = await fetchFile(info.id);
        patch(key, { info: known });
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) refuse(key, name, { kind: "file_gone", reason: "" });
        else if (!(error instanceof ApiError || error instanceof ConnectionError)) throw error;
      }
    }
  }

  let phase = null;
  store.subscribe((state) => {
    const isReady = state.phase === "ready" && phase !== "ready";
    phase = state.phase;
    if (isReady) verify();
  });
  return { add, remove, verify };
}

