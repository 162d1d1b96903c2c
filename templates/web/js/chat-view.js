// The list of messages, brought up to date at most once per animation frame; tells a screen reader what happened.
import { firstRead } from "./context.js";
import { t } from "./i18n.js";
import { createMessageView } from "./message-view.js";
import { writerOf } from "./models.js";
import { isAnswering, shownMessages } from "./shown.js";
import { versionsOf } from "./tree.js";
import { unsentOf } from "./unsent.js";

const LEAST_MS = 66; // between two drawings: 15 a second look fluent and leave the processor to the model

/** Draws the open chat into `list`. redraw() makes every view anew, for another language. */
export function createChatView({ list, announcer, store, actions, onDrawn }) {
  const views = new Map(); // message id -> {item, show, message, placeKey}
  let pending = false;
  let drawnAt = 0;
  let switching = null; // {id, step}: which arrow of which message gets the focus once it is drawn
  let announced = { id: null, status: null };

  function schedule() {
    if (pending) return;
    pending = true;
    const rest = drawnAt + LEAST_MS - performance.now();
    if (rest > 0) setTimeout(requestAnimationFrame, rest, drawNow);
    else requestAnimationFrame(drawNow);
  }

  function drawNow() {
    drawnAt = performance.now();
    pending = false;
    draw();
  }

  function draw() {
    const state = store.get();
    const messages = shownMessages(state);
    const ids = new Set(messages.map(({ id }) => id));
    for (const [id, view] of views) {
      if (ids.has(id)) continue;
      view.item.remove();
      views.delete(id);
    }
    const shared = { isReady: state.phase === "ready", isBusy: isAnswering(state) };
    const { editing } = unsentOf(state);
    const first = firstRead(messages);
    messages.forEach((message, index) => {
      const isLast = index === messages.length - 1;
      const isFirstRead = message.id === first;
      const progress = state.progress?.id === message.id ? state.progress : null;
      show(message, index, { ...shared, isLast, isFirstRead, versions: placeAmong(state.tree, message), writer: writerOf(state, message), progress, editing: editing?.id === message.id ? editing : null });
    });
    announce(messages.at(-1));
    focusArrow();
    onDrawn();
  }

  /** The arrow that was pressed is on another message now; at the last version it is the other arrow. */
  function focusArrow() {
    const arrows = [...(views.get(switching?.id)?.item.querySelectorAll(".versions button") ?? [])];
    if (arrows.length === 0) return;
    const wanted = arrows[switching.step < 0 ? 0 : 1];
    (wanted.disabled ? arrows.find((one) => one !== wanted) : wanted).focus({ preventScroll: true });
    switching = null;
  }

  function placeAmong(tree, message) {
    if (!tree.has(message.id)) return { index: 0, count: 1 };
    const versions = versionsOf(tree, message);
    return { index: versions.indexOf(message), count: versions.length };
  }

  function show(message, index, place) {
    const view = views.get(message.id) ?? add(message);
    if (list.children[index] !== view.item) list.insertBefore(view.item, list.children[index] ?? null);
    const placeKey = JSON.stringify(place);
    if (view.message === message && view.placeKey === placeKey) return;
    Object.assign(view, { message, placeKey });
    view.show(message, place);
  }

  function add(message) {
    const view = { ...createMessageView(message, actions), message: null, placeKey: "" };
    views.set(message.id, view);
    return view;
  }

  /** Of an answer that was seen to begin: that it has begun, and its text. */
  function announce(last) {
    if (last?.role !== "assistant") return (announced = { id: null, status: null });
    const { id, status } = last;
    const before = announced;
    announced = { id, status };
    if (before.status === status && before.id === id) return;
    if (status === "answering") announcer.textContent = t("announce.started");
    else if (before.id === id && before.status === "answering") announcer.textContent = t("announce.done", { text: last.content });
  }

  function redraw() {
    list.replaceChildren();
    views.clear();
    schedule();
  }

  function focusSwitch(id, step) {
    switching = { id, step };
    schedule();
  }

  store.subscribe(schedule);
  schedule();
  return { redraw, focusSwitch };
}
