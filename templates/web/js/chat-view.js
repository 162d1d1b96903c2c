// The list of messages, brought up to date at most once per animation frame; tells a screen reader what happened.
import { isAnswering } from "./conversation.js";
import { createMessageView } from "./message-view.js";
import { t } from "./i18n.js";

const LEAST_MS = 40; // between two drawings: 25 a second look fluent and leave the processor to the model

/** Draws store's messages into `list`. redraw() makes every view anew, for another language. */
export function createChatView({ list, announcer, store, actions, onDrawn }) {
  const views = new Map(); // message id -> {item, show, message, place}
  let pending = false;
  let drawnAt = 0;
  let announced = null;

  function schedule() {
    if (pending) return;
    pending = true;
    requestAnimationFrame(whenDue);
  }

  function whenDue(now) {
    if (now - drawnAt < LEAST_MS) return requestAnimationFrame(whenDue);
    drawnAt = now;
    pending = false;
    draw();
  }

  function draw() {
    const state = store.get();
    const ids = new Set(state.messages.map((message) => message.id));
    for (const [id, view] of views) {
      if (ids.has(id)) continue;
      view.item.remove();
      views.delete(id);
    }
    const lastUser = state.messages.findLast((message) => message.role === "user");
    const shared = { isReady: state.phase === "ready", isBusy: isAnswering(state) };
    for (const message of state.messages) {
      show(message, { ...shared, isLast: message === state.messages.at(-1), isLastOfRole: message === lastUser });
    }
    announce(state);
    onDrawn();
  }

  function show(message, place) {
    const view = views.get(message.id) ?? add(message);
    const placeKey = JSON.stringify(place);
    if (view.message === message && view.placeKey === placeKey) return;
    view.show(message, place);
    Object.assign(view, { message, placeKey });
  }

  function add(message) {
    const view = { ...createMessageView(message, actions), message: null, placeKey: "" };
    views.set(message.id, view);
    list.append(view.item);
    return view;
  }

  function announce({ messages }) {
    const last = messages.at(-1);
    if (last?.role !== "assistant") return;
    const key = `${last.id} ${last.status}`;
    if (key === announced) return;
    const wasOpen = announced?.startsWith(last.id);
    announced = key;
    if (last.status === "streaming") announcer.textContent = t("announce.started");
    else if (last.status === "done" && wasOpen) announcer.textContent = t("announce.done", { text: last.content });
  }

  function redraw() {
    list.replaceChildren();
    views.clear();
    schedule();
  }

  store.subscribe(schedule);
  schedule();
  return { redraw };
}
