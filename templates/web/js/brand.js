// What the packer wants the page to look like: its name, logo, colour, and a line that is always there.
import { brandColours } from "./colour.js";
import { byId, setText } from "./dom.js";
import { t } from "./i18n.js";

const GROUNDS = ["paper", "surface", "sunken", "hover", "ink", "muted"]; // css/tokens.css
const MADE = ["accent", "accent-ink", "accent-soft", "fill", "fill-ink"];

/** The wishes in what the program says of itself; empty before it has answered. */
export const brandOf = ({ brand }) => brand ?? {};

/** What the page is called. */
export const nameOf = (info) => brandOf(info).title ?? info.name ?? info.model?.name ?? t("title");

/** Show `address` in an image, which is not there without one or when it cannot be drawn. */
export function showLogo(image, address, alt = "") {
  if ((image.getAttribute("src") ?? "") === (address ?? "")) return;
  image.hidden = true;
  image.alt = alt;
  image.onload = () => (image.hidden = false);
  if (address) image.src = address;
  else image.removeAttribute("src");
}

function showIcon(address) {
  if (!address) return;
  const link = document.querySelector('link[rel="icon"]');
  link.removeAttribute("type");
  link.href = address;
}

/** {drawColours} for another theme; the rest is drawn whenever the program says something new of itself. */
export function createBrand(store) {
  const root = document.documentElement;
  let drawn = null; // the information that is drawn

  function drawColours() {
    const { color } = brandOf(store.get().info);
    for (const name of MADE) root.style.removeProperty(`--${name}`);
    if (!color) return;
    const now = getComputedStyle(root);
    const theme = Object.fromEntries(GROUNDS.map((name) => [name, now.getPropertyValue(`--${name}`).trim()]));
    for (const [name, value] of Object.entries(brandColours(color, theme))) root.style.setProperty(`--${name}`, value);
  }

  function draw({ info } = store.get()) {
    if (info === drawn) return;
    drawn = info;
    const brand = brandOf(info);
    drawColours();
    showLogo(byId("brand-logo"), brand.logo);
    showIcon(brand.logo);
    setText(byId("disclaimer"), brand.disclaimer ?? "");
    byId("disclaimer").hidden = !brand.disclaimer;
  }

  store.subscribe(draw);
  draw();
  return { drawColours };
}
