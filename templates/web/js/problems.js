// Which sentence explains an error.
import { ApiError, ConnectionError } from "./api.js";
import { MOST_BYTES } from "./files.js";
import { formatBytes, t } from "./i18n.js";

const KINDS = {
  aborted: () => t("error.unknown"),
  busy: () => t("error.busy"),
  connection: () => t("error.connection"),
  file_folder: () => t("files.folder"),
  file_gone: () => t("files.gone"),
  file_interrupted: () => t("files.interrupted"),
  file_unsent: () => t("files.unsent"),
  file_large: () => t("files.large", { most: formatBytes(MOST_BYTES) }),
  picture_elsewhere: () => t("pictures.elsewhere"),
  picture_unreadable: () => t("pictures.unreadable"),
  picture_unseen: () => t("pictures.unseen"),
  context_length_exceeded: () => t("error.context"),
  server_busy: () => t("error.busy"),
};

/** {kind, reason} of an error, to be kept as data; a mistake of ours is thrown again. */
export function explain(error) {
  if (error instanceof ConnectionError) return { kind: "connection", reason: "" };
  if (!(error instanceof ApiError)) throw error;
  if (Object.hasOwn(KINDS, error.code)) return { kind: error.code, reason: "" };
  if ([409, 429, 503].includes(error.status)) return { kind: "busy", reason: "" };
  return { kind: "unknown", reason: error.message };
}

/** The sentence of what explain() gave, or of the error that the server wrote beside an answer: a code or a sentence. */
export function sentenceOf(problem) {
  const { kind, reason } = typeof problem === "string" ? { kind: problem, reason: problem } : (problem ?? {});
  if (Object.hasOwn(KINDS, kind ?? "")) return KINDS[kind]();
  return reason || t("error.unknown");
}
