// Puts the page together.
import { drawAbout } from "./about.js";
import { eventsPath } from "./api.js";
import { createAttachView } from "./attach-view.js";
import { createAttachments } from "./attachments.js";
import { createBrand, nameOf } from "./brand.js";
import { createChatList } from "./chat-list.js";
import { createChatView } from "./chat-view.js";
import { createChatsView } from "./chats-view.js";
import { createComposer } from "./composer.js";
import { createContextMeter } from "./context-meter.js";
import { createConversation } from "./conversation.js";
import { createDataPanel } from "./data-panel.js";
import { createDeleting } from "./deleting.js";
import { createDevelopers } from "./developers.js";
import { askToQuit, createQuestion, createToast } from "./dialogs.js";
import { byId, element, setText } from "./dom.js";
import { createFileDialog } from "./file-dialog.js";
import { watchHealth } from "./health.js";
import { startLanguage, t } from "./i18n.js";
import { PAGE_ID, watchLeaving } from "./leaving.js";
import { createLive } from "./live.js";
import { createPhaseView } from "./loading.js";
import { createModelPicker } from "./model-picker.js";
import { watchNotes } from "./notes.js";
import { createOpened } from "./opened.js";
import { sentenceOf } from "./problems.js";
import { createReport } from "./report.js";
import { go, rename, watchRoute } from "./route.js";
import { createScroll } from "./scroll.js";
import { createSettings } from "./settings.js";
import { startShortcuts } from "./shortcuts.js";
import { isEmpty } from "./shown.js";
import { createSidebar } from "./sidebar.js";
import { createSpeech } from "./speech.js";
import { createStore } from "./state.js";
import { startTheme } from "./theme.js";
import { keepUnsent, restoredUnsent } from "./unsent.js";
import { createWelcome } from "./welcome.js";

const isOnThisComputer = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(location.hostname);
const radios = (name) => document.querySelectorAll(`input[name="${name}"]`);

function drawNames({ info, chat }) {
  const name = nameOf(info);
  const title = chat?.title ?? "";
  const pageTitle = title ? `${title} · ${name}` : name;
  if (document.title !== pageTitle) document.title = pageTitle;
  setText(byId("brand-name"), name);
  setText(byId("chat-name"), title || name);
  byId("chat-name").classList.toggle("is-brand", !title);
  setText(byId("private-line"), isOnThisComputer ? t("private.local") : t("private.shared"));
}

function start() {
  const store = createStore({ unsent: restoredUnsent() });
  startTheme(radios("theme"), createBrand(store).drawColours);
  keepUnsent(store);
  const [toast, question, sidebar] = [createToast(), createQuestion(), createSidebar()];
  const scroll = createScroll(byId("scroller"), byId("jump"), () => !isEmpty(store.get()));
  let isStarted = false;

  /** To a screen reader; two sentences may come at once. */
  function say(sentence) {
    const region = byId("file-announcer");
    region.append(element("p", { children: [sentence] }));
    if (region.childElementCount > 2) region.firstElementChild.remove();
  }

  const onTrouble = () => health.checkNow();
  const onProblem = (problem) => toast.show(sentenceOf(problem));

  const list = createChatList(store, { onProblem, onTrouble });
  const opened = createOpened(store, { onGone, onTrouble, onSilence: () => live.refresh() });
  const live = createLive((id) => eventsPath(id, PAGE_ID), {
    ...opened.events,
    hello() {
      list.reload();
      opened.refetch();
    },
    chats({ chat }) {
      list.take(chat);
      opened.takeChat(chat);
    },
    gone({ id }) {
      list.drop(id);
      if (id === null || id === store.get().chatId) leave();
    },
    settings(taste) {
      settings.take(taste);
      models.take(taste);
    },
    loading(seen) {
      opened.events.loading(seen);
      say(t("message.loadingModel", seen));
    },
  });
  const models = createModelPicker(store, { onProblem, onTrouble, onRefused: opened.refetch });
  const conversation = createConversation(store, opened, { onCreated, onProblem, onTrouble, settled: models.settled });

  /** The open chat is not there any more. */
  function leave() {
    if (store.get().chatId !== null) go(null);
  }

  /** An old address: the chat was deleted, or is another program's. */
  function onGone() {
    leave();
    toast.show(t("chat.gone"));
  }

  function onCreated(chat, isShown) {
    list.take(chat);
    if (!isShown) return;
    rename(chat.id);
    live.watch(chat.id);
  }

  function show(id) {
    if (isStarted && id === store.get().chatId) return;
    isStarted = true;
    speech.stop();
    opened.open(id);
    live.watch(id);
    sidebar.close();
    scroll.toEnd();
    composer.focus();
  }

  function act(action) {
    return (...values) => {
      action(...values);
      composer.focus();
    };
  }

  function send(text) {
    scroll.toEnd();
    conversation.send(text);
  }

  function stop() {
    speech.stop();
    conversation.stop();
  }

  function turn(message, step) {
    const id = conversation.turn(message, step);
    if (id) chat.focusSwitch(id, step);
  }

  function takeBack() {
    conversation.takeBack();
    attachments.verify();
  }

  startLanguage(radios("language"), redraw);
  const phases = createPhaseView(store);
  const composer = createComposer(store, { onSend: send, onStop: stop });
  const file = createFileDialog();
  const attachments = createAttachments(store, { say, complain: toast.show });
  const attached = createAttachView(store, attachments, { onOpen: file.open, onAdded: composer.focus });
  const meter = createContextMeter(store, say);
  const remove = createDeleting(store, list, toast);
  const chats = createChatsView(store, list, { onDelete: remove });
  const data = createDataPanel(store, question, { onImported: list.reload, onDeleted: onAllDeleted });
  const settings = createSettings(store, { onShow: drawSettings });
  const developers = createDevelopers(store);
  const welcome = createWelcome(store, act(send));
  const speech = createSpeech(() => chat.redraw());
  const report = createReport();
  const chat = createChatView({
    list: byId("messages"),
    announcer: byId("announcer"),
    store,
    actions: {
      ...conversation,
      turn,
      regenerate: act(conversation.regenerate),
      goOn: act(conversation.goOn),
      retry: act(conversation.retry),
      takeBack: act(takeBack),
      openFile: file.open,
      readAloud: speech.buttons,
      cancelEdit: act(conversation.cancelEdit),
      sendEdited: act(conversation.sendEdited),
    },
    onDrawn: scroll.follow,
  });

  function onAllDeleted() {
    list.drop(null);
    leave();
  }

  function drawSettings() {
    drawAbout(store.get());
    byId("about-state").textContent = "";
    developers.draw();
    data.draw();
  }

  async function leaveProgram() {
    toast.hide();
    if (!(await askToQuit(question))) return;
    live.close();
    store.update({ phase: "quit" });
    for (const part of document.querySelectorAll(".sidebar, .stage")) part.inert = true;
    byId("goodbye").focus();
  }

  function redraw() {
    drawNames(store.get());
    welcome.draw();
    phases.draw();
    composer.draw();
    attached.redraw();
    meter.redraw();
    chats.draw();
    chat.redraw();
    settings.draw();
    drawSettings();
  }

  store.subscribe(drawNames);
  watchNotes(store, toast.show);
  const startNew = () => {
    sidebar.close();
    if (store.get().chatId === null) composer.focus();
    else go(null);
  };
  for (const id of ["new-chat", "bar-new"]) byId(id).addEventListener("click", startNew);
  byId("skip-link").addEventListener("click", (event) => {
    event.preventDefault();
    byId("prompt").focus();
  });
  for (const id of ["quit", "failed-quit"]) byId(id).addEventListener("click", leaveProgram);
  byId("failed-report").addEventListener("click", () => report(toast.show));
  byId("about-report").addEventListener("click", () => report((sentence) => (byId("about-state").textContent = sentence)));
  byId("settings-open").addEventListener("click", settings.open);
  startShortcuts({ startNew, search: () => (sidebar.open(), chats.focusSearch()) });
  const health = watchHealth(store);
  for (const id of ["lost-retry", "failed-retry"]) byId(id).addEventListener("click", health.checkNow);
  watchLeaving({ isOver: () => ["lost", "quit"].includes(store.get().phase), onSleep: live.sleep, onWake: live.wake });
  redraw();
  list.reload();
  watchRoute(show);
  conversation.resume();
}

start();
