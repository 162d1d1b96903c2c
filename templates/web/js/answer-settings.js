// How answers are made: preset, thinking, instructions and single values, which the program keeps for all tabs.
import { ApiError, ConnectionError, changeSettings, fetchSettings } from "./api.js";
import { createAdapters } from "./adapters.js";
import { createAdvanced } from "./advanced.js";
import { brandOf } from "./brand.js";
import { byId } from "./dom.js";
import { t } from "./i18n.js";
import { chosenAdapters } from "./models.js";
import { explain, sentenceOf } from "./problems.js";

const SAVE_MS = 700; // after the last key

/** Saved as they are changed. {load, save, show(settings), draw}: `show` what another tab has changed. */
export function createAnswerSettings(store) {
  const [instructions, state] = [byId("instructions"), byId("settings-state")];
  const [presets, thinking] = ["preset", "thinking"].map((name) => [...document.querySelectorAll(`input[name="${name}"]`)]);
  const advanced = createAdvanced((sampling) => change({ sampling }));
  const adapters = createAdapters((scales) => change({ adapters: scales }));
  let saved = "";
  let timer = null;

  function say(sentence, isProblem = false) {
    state.textContent = sentence;
    state.classList.toggle("dialog-error", isProblem);
  }

  async function attempt(wish) {
    try {
      return await wish();
    } catch (error) {
      if (!(error instanceof ApiError || error instanceof ConnectionError)) throw error;
      say(t("settings.notSaved", { reason: sentenceOf(explain(error)) }), true);
      return null;
    }
  }

  /** What is being typed is left alone. */
  function show(now) {
    for (const radio of presets) radio.checked = radio.value === now.preset;
    for (const radio of thinking) radio.checked = radio.value === String(now.thinking ?? null);
    const isTyped = instructions.value !== saved;
    saved = now.instructions;
    if (!isTyped) instructions.value = saved;
    adapters.show(now.adapters);
    advanced.show(now.sampling);
  }

  async function load() {
    say("");
    draw();
    const now = await attempt(fetchSettings);
    if (now) show(now);
  }

  async function change(patch) {
    const now = await attempt(() => changeSettings(patch));
    if (!now) return;
    show(now);
    say(t("settings.saved"));
  }

  function saveInstructions() {
    clearTimeout(timer);
    if (instructions.value !== saved) change({ instructions: instructions.value });
  }

  function save() {
    saveInstructions();
    advanced.save();
  }

  function draw() {
    const isLocked = Boolean(brandOf(store.get().info).is_system_prompt_locked);
    byId("instructions-field").hidden = isLocked;
    byId("instructions-locked").hidden = !isLocked;
    adapters.draw(chosenAdapters(store.get()));
    advanced.draw();
  }

  for (const radio of presets) radio.addEventListener("change", () => change({ preset: radio.value }));
  for (const radio of thinking) radio.addEventListener("change", () => change({ thinking: JSON.parse(radio.value) }));
  instructions.addEventListener("input", () => {
    say("");
    clearTimeout(timer);
    timer = setTimeout(saveInstructions, SAVE_MS);
  });
  instructions.addEventListener("blur", saveInstructions);
  return { load, save, show, draw };
}
