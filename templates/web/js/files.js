// What the page computes about files: those of a draft, their names, their text. Pure.

export const MOST_FILES = 20;
export const MOST_BYTES = 64 * 1024 * 1024;
const TAIL = 9; // characters of a long name that stay in sight: the end tells chapters and kinds apart
const CHUNK = 20_000; // characters in one element; more at once makes a browser slow
const DIRECTIONS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g; // signs that show a name other than it is

/**
 * A file of a draft is {key, name, size, status, progress, info, problem}: status "uploading" | "reading" | "ready" |
 * "refused", progress of the upload 0 to 1, info as the server gives it, problem {kind, reason}.
 */
export const draftFile = (info) => ({ key: info.id, name: info.name, size: info.size_bytes, status: "ready", progress: 1, info, problem: null });

export const isUnread = ({ status }) => status === "uploading" || status === "reading";

/** What the server knows of the files that can be sent. */
export const readyInfos = (files) => files.filter(({ status }) => status === "ready").map(({ info }) => info);

export const idsOf = (infos) => infos.map(({ id }) => id);

/** Whether a message has these files, in whichever order. */
export const hasFiles = (message, infos) => idsOf(message.files ?? []).sort().join() === idsOf(infos).sort().join();

/** A name in two parts, of which the first may be cut when there is little room. */
export function nameParts(name) {
  const signs = [...name.replace(DIRECTIONS, "")];
  const at = signs.length > 2 * TAIL ? signs.length - TAIL : signs.length;
  return [signs.slice(0, at).join(""), signs.slice(at).join("")];
}

/** Whether what is pasted is files: some systems add their names or places as text, others a picture of the text. */
export function isPasteOfFiles(text, files) {
  const lines = text.split(/\r?\n/).filter((line) => line.trim());
  return files.length > 0 && lines.every((line) => files.some(({ name }) => line.trim().endsWith(name)));
}

/** The pages of a text, each in pieces that a browser shows quickly; a piece ends with a line where it can. */
export const pagesOf = (text) => text.split("\f").map(chunksOf);

function chunksOf(text) {
  const chunks = [];
  for (let at = 0; at < text.length; ) {
    const most = text.slice(at, at + CHUNK);
    const line = at + most.length < text.length ? most.lastIndexOf("\n") + 1 : 0;
    const isCutPair = !line && /[\ud800-\udbff]$/.test(most);
    chunks.push(line ? most.slice(0, line) : isCutPair ? most + text[at + CHUNK] : most);
    at += chunks.at(-1).length;
  }
  return chunks;
}
