// A question that must be answered, quitting by it, and the toast.
import { ConnectionError, quit } from "./api.js";
import { byId } from "./dom.js";
import { t } from "./i18n.js";
import { sentenceOf, explain } from "./problems.js";

const TOAST_MS = 8000;

/** {ask({title, text, confirm, cancel, isDanger, act})}: resolves to whether it was confirmed and `act` succeeded. */
export function createQuestion() {
  const dialog = byId("question");
  const [title, text, problem, cancel, confirm] = ["title", "text", "error", "cancel", "confirm"].map((part) => byId(`question-${part}`));

  function ask(question) {
    title.textContent = question.title;
    text.textContent = question.text;
    cancel.textContent = question.cancel ?? t("cancel");
    confirm.textContent = question.confirm;
    confirm.className = question.isDanger ? "button danger filled" : "button primary";
    problem.hidden = true;
    dialog.showModal();
    cancel.focus();
    return new Promise((resolve) => {
      let isDone = false;
      confirm.onclick = () => act(question).then((done) => {
        isDone = done;
        if (done) dialog.close();
      });
      cancel.onclick = () => dialog.close();
      dialog.onclose = () => resolve(isDone);
    });
  }

  async function act(question) {
    confirm.disabled = true;
    try {
      await question.act?.();
      return true;
    } catch (error) {
      problem.textContent = question.problem ? question.problem(error) : sentenceOf(explain(error));
      problem.hidden = false;
      return false;
    } finally {
      confirm.disabled = false;
    }
  }
  return { ask };
}

/** Asks, then ends the program. Resolves to whether it has accepted, or was gone already. */
export function askToQuit(question) {
  const end = async () => {
    try {
      await quit();
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error; // else nothing listens any more, which is what was asked for
    }
  };
  const problem = (error) => t("quit.error", { reason: error.message });
  return question.ask({ title: t("quit.title"), text: t("quit.text"), confirm: t("quit.confirm"), act: end, problem });
}

/** A line that goes away by itself, if wanted with one thing to do about it; while it is looked at it stays. */
export function createToast() {
  const [toast, text, action] = [byId("toast"), byId("toast-text"), byId("toast-action")];
  let timer = null;
  let gone = null;

  function hide() {
    clearTimeout(timer);
    toast.hidden = true;
    const told = gone;
    gone = null;
    told?.();
  }

  function wait() {
    clearTimeout(timer);
    if (!toast.hidden) timer = setTimeout(hide, TOAST_MS);
  }

  /** `onGone` is called once when it goes away by itself or for another; not after `onAction`. */
  function show(sentence, { word = "", onAction = null, onGone = null } = {}) {
    hide();
    gone = onGone;
    text.textContent = sentence;
    action.hidden = !word;
    action.textContent = word;
    action.onclick = () => {
      gone = null;
      hide();
      onAction();
    };
    toast.hidden = false;
    wait();
  }

  for (const name of ["pointerenter", "focusin"]) toast.addEventListener(name, () => clearTimeout(timer));
  for (const name of ["pointerleave", "focusout"]) toast.addEventListener(name, wait);
  return { show, hide };
}
