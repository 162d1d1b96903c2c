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

/** The answer stopped before its end: the program quit, or the connection broke. */
export class ConnectionError extends Error {
  constructor() {
    super("The connection was lost.");
    this.name = "ConnectionError";
  }
}

function toApiError(status, body) {
  const error = body?.error;
  const message = typeof error === "string" ? error : (error?.message ?? "");
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

/** What the pack says of itself, or null when it does not answer yet. */
export async function fetchInfo() {
  const response = await fetch("llamapack/info", { cache: "no-store" });
  return response.ok ? jsonOf(response) : null;
}

/**
 * The state of the program: {kind: "ready"}, {kind: "loading", loading} or {kind: "failed", reason}.
 * Rejects with TypeError when nothing listens, and with a TimeoutError after five seconds.
 */
export async function fetchHealth() {
  const response = await fetch("health", { cache: "no-store", signal: AbortSignal.timeout(5000) });
  if (response.ok) return { kind: "ready" };
  const body = await jsonOf(response);
  if (typeof body?.failed === "string") return { kind: "failed", reason: body.failed };
  if (response.status === 503) return { kind: "loading", loading: body?.loading ?? {} };
  return { kind: "failed", reason: body?.error?.message ?? `HTTP ${response.status}` };
}

export async function quit() {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch("llamapack/quit", { method: "POST", headers, body: "{}" });
  if (!response.ok) throw toApiError(response.status, await jsonOf(response));
}

async function* readLines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      yield* lines;
    }
    if (rest) yield rest;
  } finally {
    await reader.cancel().catch(() => {}); // already closed or aborted: nothing left to give back
  }
}

/** The data of each server-sent event; comments and other fields are passed over. */
export async function* readEvents(body) {
  let data = [];
  for await (const line of readLines(body)) {
    if (line === "" && data.length) {
      yield data.join("\n");
      data = [];
    } else if (line.startsWith("data:")) {
      data.push(line.slice(line.startsWith("data: ") ? 6 : 5));
    }
  }
}

/**
 * Stream an answer: yields {text} for each piece and {finish} once with OpenAI's finish_reason.
 * Throws ApiError, ConnectionError, or AbortError when `signal` fires.
 */
export async function* streamChat({ model, messages, signal }) {
  const body = JSON.stringify({ model, messages, stream: true, stream_options: { include_usage: true } });
  let finished = false;
  try {
    const headers = { "Content-Type": "application/json" };
    const response = await fetch("v1/chat/completions", { method: "POST", headers, body, signal });
    if (!response.ok) throw toApiError(response.status, await jsonOf(response));
    for await (const data of readEvents(response.body)) {
      if (data === "[DONE]") return;
      const chunk = JSON.parse(data);
      if (chunk.error) throw toApiError(response.status, chunk);
      const choice = chunk.choices?.[0];
      if (choice?.delta?.content) yield { text: choice.delta.content };
      if (choice?.finish_reason) {
        finished = true;
        yield { finish: choice.finish_reason };
      }
    }
  } catch (error) {
    if (error instanceof TypeError || error instanceof SyntaxError) throw new ConnectionError();
    throw error;
  }
  if (!finished) throw new ConnectionError();
}
