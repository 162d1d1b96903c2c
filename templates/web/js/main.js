// Puts the page together.
import { createChatView } from "./chat-view.js";
import { createComposer } from "./composer.js";
import { createConversation } from "./conversation.js";
import { createAbout, createMenu, createQuit, createToast } from "./dialogs.js";
import { byId } from "./dom.js";
import { watchHealth } from "./health.js";
import { startLanguage, t } from "./i18n.js";
import { createPhaseView } from "./loading.js";
import { createScroll } from "./scroll.js";
import { createStore } from "./state.js";
import { startTheme } from "./theme.js";
import { drawSuggestions } from "./welcome.js";

const isOnThisComputer = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(location.hostname);
const radios = (name) => document.querySelectorAll(`input[name="${name}"]`);

function drawNames({ info }) {
  const name = info.name ?? info.model?.name ?? t("title");
  document.title = name;
  byId("brand-name").textContent = name;
  byId("private-line").textContent = isOnThisComputer ? t("private.local") : t("private.shared");
}

function start() {
  startTheme(radios("theme"));
  const store = createStore();
  const scroll = createScroll(byId("scroller"), byId("jump"), () => store.get().messages.length > 0);
  const conversation = createConversation(store, { onTrouble: () => health.checkNow() });
  const toast = createToast();
  const menu = createMenu(byId("menu-button"), byId("menu"));
  const about = createAbout(store);

  function act(action) {
    return (...values) => {
      action(...values);
      composer.focus();
    };
  }

  function send(text) {
    toast.hide();
    scroll.toEnd();
    conversation.send(text);
  }

  function startNew() {
    if (store.get().messages.length === 0) return;
    const bringBack = conversation.startNew();
    toast.show(t("newChat.started"), t("newChat.undo"), act(bringBack));
  }

  startLanguage(radios("language"), redraw);
  const phases = createPhaseView(store);
  const composer = createComposer(store, { onSend: send, onStop: conversation.stop, onCancelEdit: conversation.cancelEdit });
  const chat = createChatView({
    list: byId("messages"),
    announcer: byId("announcer"),
    store,
    actions: { edit: act(conversation.edit), regenerate: act(conversation.regenerate) },
    onDrawn: scroll.follow,
  });
  const quitting = createQuit({ onQuit: sayGoodbye });

  function sayGoodbye() {
    conversation.stop();
    store.update({ phase: "quit" });
    for (const part of document.querySelectorAll("body > header, body > main, body > footer")) part.inert = true;
    byId("goodbye").focus();
  }

  function redraw() {
    drawNames(store.get());
    drawSuggestions(byId("suggestions"), act(send));
    phases.draw();
    composer.draw();
    chat.redraw();
  }

  store.subscribe(drawNames);
  byId("new-chat").addEventListener("click", act(startNew));
  byId("quit").addEventListener("click", quitting.open);
  byId("about-open").addEventListener("click", () => {
    menu.close();
    about.open();
  });
  const health = watchHealth(store);
  byId("lost-retry").addEventListener("click", health.checkNow);
  byId("failed-retry").addEventListener("click", health.checkNow);
  redraw();
  composer.focus();
  conversation.resume();
}

start();
