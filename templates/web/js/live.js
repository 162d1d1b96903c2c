// One stream of events for the chat that is shown. Lost connections come back; a hidden tab gives its own up, since a
// browser allows only six to one program.

const AGAIN_MS = [300, 1000, 2000, 4000];
const HIDDEN_MS = 10_000;
const NAMES = ["hello", "chats", "gone", "settings", "message", "sources", "loading", "progress", "queued", "text", "end"];

/** {watch(id), sleep(), wake(), refresh(), close()}. `handlers` has a function for each name of an event, which gets its data. */
export function createLive(pathOf, handlers) {
  let source = null;
  let chat = null;
  let failures = 0;
  let timer = null;
  let isClosed = true;

  function leave() {
    clearTimeout(timer);
    source?.close();
    source = null;
  }

  function connect() {
    leave();
    if (isClosed) return;
    const opened = new EventSource(pathOf(chat));
    source = opened;
    for (const name of NAMES) {
      opened.addEventListener(name, (event) => {
        if (source !== opened) return;
        if (name === "hello") failures = 0;
        handlers[name](JSON.parse(event.data));
      });
    }
    opened.addEventListener("error", () => {
      if (source !== opened) return;
      leave();
      timer = setTimeout(connect, AGAIN_MS[Math.min(failures++, AGAIN_MS.length - 1)]);
    });
  }

  function watch(id) {
    chat = id;
    isClosed = false;
    if (document.hidden) leave(); // who looks again finds this chat's events, not those of the one before
    else connect();
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      clearTimeout(timer);
      timer = setTimeout(leave, HIDDEN_MS);
    } else if (source) clearTimeout(timer);
    else connect();
  });

  function close() {
    isClosed = true;
    leave();
  }
  /** Connect anew, where anybody looks: the stream greets, and what was missed is fetched. */
  const refresh = () => document.hidden || connect();

  return { watch, sleep: leave, wake: connect, refresh, close };
}
