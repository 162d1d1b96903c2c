// The settings: a dialog with sections.
import { createAnswerSettings } from "./answer-settings.js";
import { byId } from "./dom.js";

/** {open, close, draw, take}: `take` the answers' settings as another tab has them. onShow() draws what else the dialog shows. */
export function createSettings(store, { onShow }) {
  const dialog = byId("settings");
  const tabs = [...dialog.querySelectorAll('[role="tab"]')];
  const answers = createAnswerSettings(store);

  function choose(tab) {
    for (const one of tabs) {
      const isChosen = one === tab;
      one.setAttribute("aria-selected", String(isChosen));
      one.tabIndex = isChosen ? 0 : -1;
      byId(one.getAttribute("aria-controls")).hidden = !isChosen;
    }
  }

  function onKey(event) {
    const here = tabs.indexOf(event.target);
    const isRtl = getComputedStyle(dialog).direction === "rtl";
    const steps = { ArrowDown: 1, ArrowUp: -1, ArrowRight: isRtl ? -1 : 1, ArrowLeft: isRtl ? 1 : -1 };
    const to = { Home: 0, End: tabs.length - 1 }[event.key] ?? (here + steps[event.key] + tabs.length) % tabs.length;
    if (here < 0 || Number.isNaN(to)) return;
    event.preventDefault();
    choose(tabs[to]);
    tabs[to].focus();
  }

  for (const tab of tabs) {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", onKey);
  }
  byId("settings-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", answers.save);
  dialog.addEventListener("pointerdown", (event) => event.target === dialog && dialog.close()); // the veil around it
  choose(tabs[0]);
  return {
    open() {
      onShow();
      answers.load();
      dialog.showModal();
      tabs.find((tab) => tab.tabIndex === 0).focus();
    },
    close: () => dialog.close(),
    draw: answers.draw,
    take: answers.show,
  };
}
