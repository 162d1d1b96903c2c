// The line that says what a message takes of the model's memory, and the ring that says how full it is.
import { ApiError, ConnectionError, countTokens } from "./api.js";
import { costOf, estimateTokens, fileTokens, usedTokens } from "./context.js";
import { byId } from "./dom.js";
import { isUnread, readyInfos } from "./files.js";
import { formatNumber, t } from "./i18n.js";
import { chosenModel, contextSize, seesImages } from "./models.js";
import { isPicture } from "./pictures.js";
import { shownMessages } from "./shown.js";
import { unsentOf } from "./unsent.js";

const COUNT_AFTER_MS = 500;
const SHORT = 200; // characters of a text that is not worth counting
const LONG = 100_000; // of one that is too long in any case

const SENTENCES = {
  fits: (values) => t("cost.fits", values),
  crowds: (values) => t("cost.crowds", values),
  passages: (values) => t("cost.passages", values),
  long: () => t("cost.long"),
  pictures: (values) => t("cost.pictures", values),
  unseen: () => t("cost.unseen"),
};
const TOLD = new Set(["passages", "long", "pictures", "unseen"]); // kinds that a screen reader is told of
const REFUSED = new Set(["long", "pictures"]);

const documentsIn = (infos) => infos.filter((info) => !isPicture(info));

/** What the message takes that is being written: see costOf; "unseen" where its pictures are not looked at. Null: not known. */
function costOfDraft(state, infos, { words, messages, used, size }) {
  const pictures = infos.filter(isPicture);
  if (pictures.length > 0 && !seesImages(state)) return { tokens: words, room: 0, kind: "unseen" };
  if (!Number.isFinite(size)) return null;
  const earlier = fileTokens(documentsIn(messages.flatMap((message) => message.files ?? [])));
  return costOf({ words, pictures: fileTokens(pictures), files: fileTokens(documentsIn(infos)), earlier, used, size });
}

/** tokensOf(text, isReady): at once about how many, and a moment later exactly; onCounted() then. */
function createCounter(onCounted, modelId) {
  let known = { text: "", tokens: 0 };
  let timer = null;
  let asking = null;

  async function ask(text) {
    asking = new AbortController();
    try {
      const tokens = await countTokens(text, asking.signal, modelId());
      if (known.text !== text) return;
      known = { text, tokens };
      onCounted();
    } catch (error) {
      const isOurs = error.name === "AbortError" || error instanceof ApiError || error instanceof ConnectionError;
      if (!isOurs) throw error; // else the estimate serves as well
    }
  }

  return function tokensOf(text, isReady) {
    if (text === known.text) return known.tokens;
    clearTimeout(timer);
    asking?.abort();
    known = { text, tokens: estimateTokens(text) };
    if (isReady && text.length > SHORT && text.length < LONG) timer = setTimeout(ask, COUNT_AFTER_MS, text);
    return known.tokens;
  };
}

/** Keeps both true for the chat that is open; `say(sentence)` tells a screen reader. Returns {redraw}. */
export function createContextMeter(store, say) {
  const [line, meter, ring, tip] = ["cost", "meter", "meter-ring", "meter-tip"].map(byId);
  const tokensOf = createCounter(redraw, () => chosenModel(store.get())?.id ?? null);
  let kind = "fits";
  let drawn = []; // from what; the store also tells of each word of an answer

  function drawLine(state, messages, used, size) {
    const { draft, files } = unsentOf(state);
    const infos = readyInfos(files);
    const words = tokensOf(draft.trim(), state.phase === "ready");
    const isWorthIt = (infos.length > 0 || draft.length > SHORT) && !files.some(isUnread);
    const cost = isWorthIt ? costOfDraft(state, infos, { words, messages, used, size }) : null;
    const sentence = cost ? SENTENCES[cost.kind]({ count: formatNumber(cost.tokens), room: formatNumber(cost.room) }) : "";
    const now = cost?.kind ?? "fits";
    line.hidden = cost === null;
    line.classList.toggle("is-long", REFUSED.has(now));
    line.textContent = sentence;
    if (now !== kind && TOLD.has(now)) say(sentence);
    kind = now;
  }

  function drawMeter(used, size) {
    const isShown = Number.isFinite(size) && used > 0;
    meter.hidden = !isShown;
    if (!isShown) return;
    const share = Math.min(used / size, 1);
    const sentence = t("meter.value", { used: formatNumber(used), total: formatNumber(size) });
    ring.setAttribute("stroke-dasharray", `${Math.max(share * 100, 2)} 100`);
    meter.classList.toggle("is-full", share > 0.9);
    meter.setAttribute("aria-valuenow", Math.round(share * 100));
    meter.setAttribute("aria-valuetext", sentence);
    tip.textContent = sentence;
  }

  function draw(state = store.get()) {
    const messages = shownMessages(state);
    const [used, size] = [usedTokens(messages), contextSize(state, messages)];
    const values = [unsentOf(state), size, state.phase, messages.length, used, seesImages(state)];
    if (values.every((value, index) => value === drawn[index])) return;
    drawn = values;
    drawLine(state, messages, used, size);
    drawMeter(used, size);
  }

  function redraw() {
    drawn = [];
    draw();
  }

  store.subscribe(draw);
  draw();
  return { redraw };
}
