// The program's HTTP interface as this page uses it. Knows nothing of the page.

/** The program answered, but with an error. */
export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
  }
}

/** Nothing answered: the program has quit, or the connection broke. */
export class ConnectionError extends Error {
  constructor() {
    super("The connection was lost.");
    this.name = "ConnectionError";
  }
}

/** `body`: the JSON of an answer that is an error, or null. */
export function toApiError(status, body) {
  const error = body?.error;
  const message = typeof error === "string" ? error : (error?.message ?? `HTTP ${status}`);
  return new ApiError(status, String(error?.code ?? error?.type ?? ""), String(message));
}

async function jsonOf(response) {
  try {
    return await response.json();
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** The JSON of an answer, null when it has none. Throws ApiError, ConnectionError, or AbortError when `signal` fires. */
async function call(method, path, { body, signal, keepalive = false } = {}) {
  const sent = body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  try {
    const response = await fetch(path, { method, signal, keepalive, cache: "no-store", ...sent });
    if (!response.ok) throw toApiError(response.status, await jsonOf(response));
    return response.status === 204 ? null : await jsonOf(response);
  } catch (error) {
    if (error instanceof TypeError) throw new ConnectionError();
    throw error;
  }
}

/** What the pack says of itself, or null when it does not answer yet. */
export async function fetchInfo() {
  const response = await fetch("llamapack/info", { cache: "no-store" });
  return response.ok ? jsonOf(response) : null;
}

/**
 * The state of the program: {kind: "ready"}, {kind: "loading", loading} or {kind: "failed", reason, code}; code "" when
 * it answered with something else, which may pass.
 * Rejects with TypeError when nothing listens, and with a TimeoutError after five seconds.
 */
export async function fetchHealth() {
  const response = await fetch("health", { cache: "no-store", signal: AbortSignal.timeout(5000) });
  if (response.ok) return { kind: "ready" };
  const body = await jsonOf(response);
  if (typeof body?.failed === "string") return { kind: "failed", reason: body.failed, code: String(body.code ?? "other") };
  if (response.status === 503) return { kind: "loading", loading: body?.loading ?? {} };
  return { kind: "failed", reason: body?.error?.message ?? `HTTP ${response.status}`, code: "" };
}

export const quit = () => call("POST", "llamapack/quit", { body: {} });

const chatPath = (id) => `llamapack/chats/${encodeURIComponent(id)}`;
const answerPath = (id) => `llamapack/answers/${encodeURIComponent(id)}`;

/** {chats, next}: a page of the list, after `cursor` if it is not null. */
export function fetchChats(limit, cursor = null) {
  const query = new URLSearchParams(cursor === null ? { limit } : { limit, cursor });
  return call("GET", `llamapack/chats?${query}`);
}

/** {chats}, each with an excerpt. */
export const searchChats = (query, signal) => call("GET", `llamapack/chats?${new URLSearchParams({ query })}`, { signal });

/** `model`: the id of the one of several that answers, or null. */
export const createChat = (model = null) => call("POST", "llamapack/chats", { body: model === null ? {} : { model } });

/** {chat, messages}: the whole tree, oldest first. */
export const fetchChat = (id) => call("GET", chatPath(id));

/** `patch` has any of title, is_pinned, head, model. */
export const changeChat = (id, patch) => call("PATCH", chatPath(id), { body: patch });

/** `keepalive`: also while the page is being closed. */
export const deleteChat = (id, { keepalive = false } = {}) => call("DELETE", chatPath(id), { keepalive });

export const deleteAllChats = () => call("DELETE", "llamapack/chats", { body: { confirm: true } });

/** `wish` is {content, parent, files: ids}, {answers} or {continues}; gives {messages, chat}. The answer comes as events. */
export const requestAnswer = (id, wish) => call("POST", `${chatPath(id)}/answers`, { body: wish });

export const stopAnswer = (id) => call("POST", `${answerPath(id)}/stop`, { body: {} });

/** Ends the thinking. */
export const answerNow = (id) => call("POST", `${answerPath(id)}/answer-now`, { body: {} });

/** What is known of a file, with its text: pages end with form feeds. Uploads are in uploads.js. */
export const fetchFile = (id) => call("GET", `llamapack/files/${encodeURIComponent(id)}`);

/** Where a picture is, for an img element. */
export const picturePath = (id) => `llamapack/files/${encodeURIComponent(id)}/picture`;

export const deleteFile = (id) => call("DELETE", `llamapack/files/${encodeURIComponent(id)}`);

/** How many tokens a text has; for the model with this id, where there are several. */
export function countTokens(content, signal, model = null) {
  const path = model === null ? "tokenize" : `tokenize?${new URLSearchParams({ model })}`;
  return call("POST", path, { body: { content }, signal }).then(({ tokens }) => tokens.length);
}

/** Where a download begins; `id` null for all chats, `format` "json" or "markdown". */
export function exportPath(format, id = null) {
  return `llamapack/chats/export?${new URLSearchParams(id === null ? { format } : { format, chat: id })}`;
}

/** `exported` is what an export as JSON gave; gives {chats, messages}, how many. */
export const importChats = (exported) => call("POST", "llamapack/chats/import", { body: exported });

export const fetchSettings = () => call("GET", "llamapack/settings");

export const changeSettings = (patch) => call("PATCH", "llamapack/settings", { body: patch });

/** Where the events of the list and of one chat come from; `page` tells one open page from another. */
export const eventsPath = (id, page) => `llamapack/events?${new URLSearchParams(id === null ? { page } : { chat: id, page })}`;

/** The diagnostic report, as text; also there while the model loads and after it has failed. */
export async function fetchReport() {
  try {
    const response = await fetch("llamapack/report", { cache: "no-store" });
    if (!response.ok) throw toApiError(response.status, await jsonOf(response));
    return await response.text();
  } catch (error) {
    if (error instanceof TypeError) throw new ConnectionError();
    throw error;
  }
}

/** Whether other programs need a key to ask this one: the page itself has a cookie. */
export async function needsKey() {
  try {
    return (await fetch("v1/models", { cache: "no-store", credentials: "omit" })).status === 401;
  } catch (error) {
    if (error instanceof TypeError) return false; // the program is gone, which is said elsewhere
    throw error;
  }
}
