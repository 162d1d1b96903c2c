// The sidebar: beside the conversation where there is room and as the person left it, a drawer over it elsewhere.
import { byId } from "./dom.js";
import { read, write } from "./storage.js";

const KEY = "llamapack.sidebar";
const wide = matchMedia("(min-width: 52rem)"); // css/sidebar.css has the same measure

/** {open(), close()}; on wide screens `close` does nothing. */
export function createSidebar() {
  const [sidebar, stage, veil, opener, closer] = ["sidebar", "stage", "veil", "sidebar-open", "sidebar-close"].map(byId);
  let isOpen = wide.matches && read("localStorage", KEY) !== "closed";

  function draw() {
    const isDrawer = !wide.matches;
    document.documentElement.dataset.sidebar = isOpen ? "open" : "closed";
    sidebar.inert = !isOpen;
    stage.inert = isDrawer && isOpen;
    veil.hidden = !(isDrawer && isOpen);
    opener.setAttribute("aria-expanded", String(isOpen));
  }

  function set(wanted, { isRemembered = false } = {}) {
    isOpen = wanted;
    if (isRemembered && wide.matches) write("localStorage", KEY, isOpen ? "open" : "closed");
    draw();
  }

  function toggle(wanted) {
    set(wanted, { isRemembered: true });
    (wanted ? closer : opener).focus({ preventScroll: true });
  }

  const close = () => !wide.matches && isOpen && set(false);

  opener.addEventListener("click", () => toggle(true));
  closer.addEventListener("click", () => toggle(false));
  veil.addEventListener("click", () => toggle(false));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !wide.matches && isOpen && !document.querySelector("dialog[open]")) toggle(false);
  });
  wide.addEventListener("change", () => set(wide.matches && read("localStorage", KEY) !== "closed"));
  draw();
  return { close, open: () => set(true) };
}
