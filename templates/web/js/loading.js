// The states before and after chatting: loading with its progress, failed, lost, and the program gone.
import { byId } from "./dom.js";
import { formatBytes, t } from "./i18n.js";

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

/** Shows the sections that belong to the state's phase. Returns {draw} for another language. */
export function createPhaseView(store) {
  function draw({ phase, loading, failure, messages } = store.get()) {
    const isEmpty = messages.length === 0;
    byId("welcome").hidden = phase === "loading" || phase === "failed" || !isEmpty;
    byId("loading").hidden = phase !== "loading";
    byId("loading").classList.toggle("compact", !isEmpty);
    byId("failed").hidden = phase !== "failed";
    byId("lost").hidden = phase !== "lost";
    byId("goodbye").hidden = phase !== "quit";
    if (phase === "loading") drawProgress(loading);
    if (byId("failed-reason").textContent !== failure) byId("failed-reason").textContent = failure;
  }

  store.subscribe(draw);
  draw();
  return { draw };
}
