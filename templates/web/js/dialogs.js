// The menu, the About and Quit dialogs, and the toast.
import { quit } from "./api.js";
import { byId, element } from "./dom.js";
import { formatNumber, t } from "./i18n.js";

const TOAST_MS = 8000;

/** A panel that a button opens and Escape, or a click elsewhere, closes. */
export function createMenu(button, panel) {
  function set(isOpen) {
    panel.hidden = !isOpen;
    button.setAttribute("aria-expanded", String(isOpen));
  }
  button.addEventListener("click", () => set(panel.hidden));
  document.addEventListener("pointerdown", (event) => {
    if (!panel.contains(event.target) && !button.contains(event.target)) set(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || panel.hidden) return;
    set(false);
    button.focus();
  });
  return { close: () => set(false) };
}

const words = (value) => (typeof value === "object" && value !== null ? Object.values(value).filter((part) => typeof part !== "object").join(" · ") : String(value ?? ""));

function versionLines(versions) {
  return Object.entries(versions ?? {}).map(([name, version]) => `${name} ${version}`).join(" · ");
}

function facts({ model = {}, versions, hardware, pack_id: packId }) {
  const context = Number.isFinite(model.context_length) ? t("about.contextValue", { count: formatNumber(model.context_length) }) : "";
  const count = Number.isFinite(model.parameter_count) ? formatNumber(model.parameter_count) : model.parameter_count;
  return [
    [t("about.model"), model.name],
    [t("about.architecture"), model.architecture],
    [t("about.parameters"), count],
    [t("about.quantization"), model.quantization],
    [t("about.context"), context],
    [t("about.license"), model.license],
    [t("about.hardware"), words(hardware)],
    [t("about.versions"), versionLines(versions)],
    [t("about.packId"), packId],
  ].filter(([, value]) => value !== undefined && value !== null && value !== "");
}

/** Opens the About dialog, filled from the state at that moment. */
export function createAbout(store) {
  const dialog = byId("about-dialog");
  byId("about-close").addEventListener("click", () => dialog.close());
  return {
    open() {
      const { info } = store.get();
      byId("about-title").textContent = info.name ?? t("title");
      const rows = facts(info).flatMap(([name, value]) => [element("dt", { children: [name] }), element("dd", { dir: "auto", children: [String(value)] })]);
      byId("about-facts").replaceChildren(...rows);
      dialog.showModal();
    },
  };
}

/** Asks, then ends the program; `onQuit` runs when it has accepted, or is gone already. */
export function createQuit({ onQuit }) {
  const dialog = byId("quit-dialog");
  const [problem, confirm] = [byId("quit-error"), byId("quit-confirm")];

  async function leave() {
    confirm.disabled = true;
    try {
      await quit();
      dialog.close();
      onQuit();
    } catch (error) {
      if (error instanceof TypeError) {
        dialog.close();
        onQuit(); // nothing listens any more, which is what was asked for
      } else {
        problem.textContent = t("quit.error", { reason: error.message });
        problem.hidden = false;
      }
    } finally {
      confirm.disabled = false;
    }
  }

  byId("quit-cancel").addEventListener("click", () => dialog.close());
  confirm.addEventListener("click", leave);
  return {
    open() {
      problem.hidden = true;
      dialog.showModal();
    },
  };
}

/** A line that goes away by itself, with one thing to do about it. */
export function createToast() {
  const [toast, text, action] = [byId("toast"), byId("toast-text"), byId("toast-action")];
  let timer = null;
  const hide = () => {
    clearTimeout(timer);
    toast.hidden = true;
  };
  return {
    show(sentence, word, onAction) {
      hide();
      text.textContent = sentence;
      action.textContent = word;
      action.onclick = () => {
        hide();
        onAction();
      };
      toast.hidden = false;
      timer = setTimeout(hide, TOAST_MS);
    },
    hide,
  };
}
