// A small menu beside the button that opened it. Arrow keys move, Escape and a click elsewhere close it.
import { element, icon } from "./dom.js";

const GAP = 4; // pixels

function items(actions, close) {
  return actions.map(({ name, text, isDanger, href, act }) => {
    const attributes = { className: isDanger ? "popup-item danger" : "popup-item", role: "menuitem", tabindex: "-1", children: [icon(name), text] };
    const item = href ? element("a", { href, download: "", ...attributes }) : element("button", { type: "button", ...attributes });
    item.addEventListener("click", () => {
      close(!href);
      act?.();
    });
    return item;
  });
}

/** {open(button, actions)}; an action is {name of its icon, text, act} or {name, text, href} for a download. */
export function createPopup(panel) {
  let opener = null;

  function close(isFocused = true) {
    if (panel.hidden) return;
    panel.hidden = true;
    opener.setAttribute("aria-expanded", "false");
    if (isFocused) opener.focus();
  }

  /** Below the button, or above it where there is no room; never beyond the window's edge. */
  function place() {
    const at = opener.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = panel;
    const isBelow = at.bottom + GAP + height <= innerHeight;
    const isRtl = getComputedStyle(panel).direction === "rtl";
    const left = isRtl ? at.left : at.right - width;
    panel.style.top = `${Math.max(GAP, isBelow ? at.bottom + GAP : at.top - GAP - height)}px`;
    panel.style.left = `${Math.min(Math.max(GAP, left), innerWidth - width - GAP)}px`;
  }

  function open(button, actions) {
    if (opener === button && !panel.hidden) return close();
    opener = button;
    panel.replaceChildren(...items(actions, close));
    panel.hidden = false;
    button.setAttribute("aria-expanded", "true");
    place();
    panel.firstElementChild.focus();
  }

  panel.addEventListener("keydown", (event) => {
    const all = [...panel.children];
    const here = all.indexOf(document.activeElement);
    const to = { ArrowDown: (here + 1) % all.length, ArrowUp: (here + all.length - 1) % all.length, Home: 0, End: all.length - 1 }[event.key];
    if (to !== undefined) all[to].focus();
    else if (event.key === "Escape" || event.key === "Tab") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  document.addEventListener("pointerdown", (event) => {
    if (!panel.contains(event.target) && !opener?.contains(event.target)) close(false);
  });
  addEventListener("resize", () => close(false));
  return { open };
}
