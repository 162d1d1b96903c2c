// Reads answers aloud, with voices of this computer only: others would send the text away.
import { icon, iconButton } from "./dom.js";
import { t } from "./i18n.js";
import { tokensOf } from "./markdown.js";
import { languageOf, spokenParts } from "./spoken.js";

const ENOUGH = 2000; // characters that tell a language
const synth = window.speechSynthesis;

const baseOf = (tag) => tag.toLowerCase().split(/[-_]/)[0];
const localVoices = () => (synth?.getVoices() ?? []).filter(({ localService }) => localService === true);

/** A voice for a text, of the reader's own region if there is one; null without any for its language. */
function voiceFor(text) {
  const words = text.replace(/```[^]*?(?:```|$)/g, " ").slice(0, ENOUGH);
  const language = languageOf(words, [document.documentElement.lang, ...navigator.languages]);
  const fitting = localVoices().filter(({ lang }) => baseOf(lang) === language);
  const isOwn = ({ lang }) => navigator.languages.includes(lang.replace("_", "-"));
  return fitting.find((voice) => voice.default) ?? fitting.find(isOwn) ?? fitting[0] ?? null;
}

/**
 * {buttons(message), stop}: a button that reads a message, and stops when it is pressed again, in a list that is empty
 * where no voice is there. onVoices() when the first voices have come, which may be later than the page.
 */
export function createSpeech(onVoices) {
  let speaking = null; // {id, button}

  const press = (button, isPressed) => button.setAttribute("aria-pressed", String(isPressed));

  function stop() {
    if (!speaking) return;
    press(speaking.button, false);
    speaking = null;
    synth.cancel();
  }

  function start({ id, content }, button) {
    const [voice, parts] = [voiceFor(content), spokenParts(tokensOf(content))];
    if (!voice || parts.length === 0) return;
    const own = { id, button };
    const isOver = () => speaking === own && stop();
    speaking = own;
    press(button, true);
    for (const [at, part] of parts.entries()) {
      const utterance = Object.assign(new SpeechSynthesisUtterance(part), { voice, lang: voice.lang });
      utterance.addEventListener("error", isOver);
      if (at === parts.length - 1) utterance.addEventListener("end", isOver);
      synth.speak(utterance);
    }
  }

  function toggle(message, button) {
    const wasSpeaking = speaking?.id === message.id;
    stop();
    if (!wasSpeaking) start(message, button);
  }

  function buttons(message) {
    if (!voiceFor(message.content)) return [];
    const isSpeaking = speaking?.id === message.id;
    const button = iconButton("speak", { label: t("readAloud"), className: "speak", onClick: () => toggle(message, button) });
    button.append(icon("stop"));
    press(button, isSpeaking);
    if (isSpeaking) speaking.button = button;
    return [button];
  }

  function onChanged() {
    if (localVoices().length === 0) return;
    synth.removeEventListener("voiceschanged", onChanged);
    onVoices();
  }

  if (synth && localVoices().length === 0) synth.addEventListener("voiceschanged", onChanged);
  addEventListener("pagehide", stop);
  return { buttons, stop };
}
