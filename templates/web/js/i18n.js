// Every visible word comes from a catalogue in lang/, in the language of the browser or of the reader's choice, of those
// that the packer offers.
import en from "./lang/en.js";
import zh from "./lang/zh.js";
import { byId } from "./dom.js";
import { read, write } from "./storage.js";

const CATALOGUES = { en, zh };
const KEY = "llamapack.language";
const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** The first is for a browser that asks for none of them. */
const OFFERED = document.documentElement.dataset.languages.split(" ");

function preferred() {
  const wanted = [read("localStorage", KEY), ...navigator.languages].filter((tag) => typeof tag === "string");
  return wanted.map((tag) => tag.toLowerCase().split("-")[0]).find((tag) => OFFERED.includes(tag)) ?? OFFERED[0];
}

let current = preferred();

export const language = () => current;

/** The sentence for `key`, with {name} places filled from `values`. */
export function t(key, values = {}) {
  const sentence = CATALOGUES[current][key];
  if (sentence === undefined) throw new Error(`The catalogue "${current}" has no sentence "${key}".`);
  return sentence.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** A size as people write it, in decimal units: 1.2 GB. */
export function formatBytes(bytes) {
  const power = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1);
  const value = bytes / 1000 ** power;
  const digits = power > 0 && value < 100 ? 1 : 0;
  const format = new Intl.NumberFormat(current, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${format.format(value)} ${UNITS[power]}`;
}

export const formatNumber = (value) => new Intl.NumberFormat(current).format(value);

/** Fill every element below `root` that names its sentence in a data-i18n attribute. */
export function translate(root) {
  document.documentElement.lang = current;
  for (const node of root.querySelectorAll("[data-i18n]")) node.textContent = t(node.dataset.i18n);
  for (const node of root.querySelectorAll("[data-i18n-placeholder]")) node.placeholder = t(node.dataset.i18nPlaceholder);
  for (const node of root.querySelectorAll("[data-i18n-label]")) {
    node.setAttribute("aria-label", t(node.dataset.i18nLabel));
    if (node.matches("button")) node.title = t(node.dataset.i18nLabel);
  }
}

/** Tie the radio buttons named "language" to the catalogue; `onChange` redraws what is made by script. Where one language is offered there is no choice. */
export function startLanguage(radios, onChange) {
  byId("languages").hidden = OFFERED.length < 2;
  for (const radio of radios) {
    radio.checked = radio.value === current;
    radio.addEventListener("change", () => {
      current = radio.value;
      write("localStorage", KEY, current);
      translate(document);
      onChange();
    });
  }
  translate(document);
}
