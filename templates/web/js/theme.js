// Light, dark or as the system has it.
import { read, write } from "./storage.js";

const KEY = "llamapack.theme"; // early.js reads the same key
const system = matchMedia("(prefers-color-scheme: dark)");

function apply(choice, onApplied) {
  const dark = choice === "dark" || (choice !== "light" && system.matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  onApplied();
}

/** Tie the radio buttons named "theme" to the page's colours and to the stored choice; `onApplied()` after each change. */
export function startTheme(radios, onApplied) {
  let choice = read("localStorage", KEY) ?? "system";
  for (const radio of radios) {
    radio.checked = radio.value === choice;
    radio.addEventListener("change", () => {
      choice = radio.value;
      write("localStorage", KEY, choice);
      apply(choice, onApplied);
    });
  }
  system.addEventListener("change", () => apply(choice, onApplied));
  apply(choice, onApplied);
}
