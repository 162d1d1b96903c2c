// The diagnostic report, for whoever helps: into the clipboard, or shown to be copied by hand.
import { ApiError, ConnectionError, fetchReport } from "./api.js";
import { copyText } from "./clipboard.js";
import { byId } from "./dom.js";
import { t } from "./i18n.js";
import { explain, sentenceOf } from "./problems.js";

/** copy(say): `say(sentence)` tells what came of it. */
export function createReport() {
  const [dialog, text] = ["report", "report-text"].map(byId);

  function show(report) {
    text.value = report;
    dialog.showModal();
    text.focus();
    text.select();
  }

  async function copy(say) {
    try {
      const report = await fetchReport();
      if (await copyText(report)) say(t("report.copied"));
      else show(report);
    } catch (error) {
      if (!(error instanceof ApiError || error instanceof ConnectionError)) throw error;
      say(t("report.failed", { reason: sentenceOf(explain(error)) }));
    }
  }

  byId("report-close").addEventListener("click", () => dialog.close());
  return copy;
}
