// The stream of events of the chat that is shown, also where nobody looks for a while.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createLive } from "../../templates/web/js/live.js";

/** Streams that were opened and not closed, by their paths, and what the browser says of the tab. */
function browser() {
  const open = [];
  globalThis.EventSource = class extends EventTarget {
    constructor(path) {
      super();
      open.push(path);
      this.close = () => open.splice(open.indexOf(path), 1);
    }
  };
  globalThis.document = Object.assign(new EventTarget(), { hidden: false });
  const look = (isLooking) => {
    document.hidden = !isLooking;
    document.dispatchEvent(new Event("visibilitychange"));
  };
  return { open, look };
}

test("another chat takes the place of the one before", () => {
  const { open } = browser();
  const live = createLive((id) => `events/${id}`, {});
  live.watch(null);
  live.watch("c");
  assert.deepEqual(open, ["events/c"]);
  live.refresh();
  assert.deepEqual(open, ["events/c"]);
});

test("a chat that began while nobody looked is heard of by who looks again", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { open, look } = browser();
  const live = createLive((id) => `events/${id}`, {});
  live.watch(null);
  look(false);
  live.watch("c");
  live.refresh();
  assert.deepEqual(open, []);
  look(true);
  assert.deepEqual(open, ["events/c"]);
});

test("who looks away for a moment keeps the stream, and for longer gives it up", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { open, look } = browser();
  createLive((id) => `events/${id}`, {}).watch("c");
  look(false);
  context.mock.timers.tick(9000);
  look(true);
  context.mock.timers.tick(60_000);
  assert.deepEqual(open, ["events/c"]);
  look(false);
  context.mock.timers.tick(10_000);
  assert.deepEqual(open, []);
  look(true);
  assert.deepEqual(open, ["events/c"]);
});
