// The states before and after chatting: loading with its progress, failed, lost, and the program gone.
import { byId, setText } from "./dom.js";
import { formatBytes, t } from "./i18n.js";
import { isEmpty } from "./shown.js";

const STAGES = {
  starting: "loading.starting",
  probing: "loading.probing",
  loading: "loading.model",
  warming: "loading.warming",
};

function drawProgress({ stage, progress, loaded_bytes: loaded, total_bytes: total }) {
  const bar = byId("loading-bar");
  const isMeasured = stage === "loading" && Number.isFinite(progress);
  if (isMeasured) bar.value = Math.min(Math.max(progress, 0), 1);
  else bar.removeAttribute("value");
  byId("loading-stage").textContent = t(STAGES[stage] ?? STAGES.starting);
  byId("loading-amount").textContent =
    isMeasured && total > 0 ? t("loading.amount", { loaded: formatBytes(loaded ?? 0), total: formatBytes(total) }) : "";
}

const FAILURES = {
  memory: () => [t("failed.memory"), t("failed.memory.next")],
  cpu: () => [t("failed.cpu"), t("failed.cpu.next")],
  file: () => [t("failed.file"), t("failed.file.next")],
  other: () => [t("failed.title"), t("failed.next")],
};

/** A model that could not be loaded stays so until the program starts again; an odd answer of the program may pass. */
function drawFailure({ sentence, code }) {
  const [title, next] = (FAILURES[code] ?? FAILURES.other)();
  setText(byId("failed-title"), title);
  setText(byId("failed-reason"), sentence);
  setText(byId("failed-next"), next);
  byId("failed-retry").hidden = code !== "";
  byId("failed-quit").hidden = code === "";
}

/** Shows the sections that belong to the state's phase. Returns {draw} for another language. */
export function createPhaseView(store) {
  function draw(state = store.get()) {
    const { phase, loading, failure } = state;
    byId("welcome").hidden = phase === "loading" || phase === "failed" || !isEmpty(state);
    byId("loading").hidden = phase !== "loading";
    byId("loading").classList.toggle("compact", !isEmpty(state));
    byId("failed").hidden = phase !== "failed";
    byId("lost").hidden = phase !== "lost";
    byId("goodbye").hidden = phase !== "quit";
    if (phase === "loading") drawProgress(loading);
    drawFailure(failure);
  }

  store.subscribe(draw);
  draw();
  return { draw };
}
