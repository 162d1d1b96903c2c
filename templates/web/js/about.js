// What the pack says of itself, as lines of name and value.
import { brandOf, nameOf } from "./brand.js";
import { byId, element } from "./dom.js";
import { formatNumber, t } from "./i18n.js";
import { renderMarkdown } from "./markdown.js";

const words = (value) => (typeof value === "object" && value !== null ? Object.values(value).filter((part) => typeof part !== "object").join(" · ") : String(value ?? ""));

function versionLines(versions) {
  return Object.entries(versions ?? {}).map(([name, version]) => `${name} ${version}`).join(" · ");
}

/** Whether and why a graphics card computes. */
function gpuWords(gpu) {
  if (!gpu) return "";
  return t(`about.gpu.${gpu.code}`, { device: gpu.device, layers: gpu.layers, ofLayers: gpu.of_layers, times: formatNumber(gpu.times) });
}

function facts({ brand, model = {}, versions, hardware, gpu, notes = [], pack_id: packId }) {
  const context = Number.isFinite(model.context_length) ? t("about.contextValue", { count: formatNumber(model.context_length) }) : "";
  const count = Number.isFinite(model.parameter_count) ? formatNumber(model.parameter_count) : model.parameter_count;
  return [
    [t("about.description"), brand?.description],
    [t("about.author"), brand?.author],
    [t("about.model"), model.name],
    [t("about.architecture"), model.architecture],
    [t("about.parameters"), count],
    [t("about.quantization"), model.quantization],
    [t("about.context"), context],
    [t("about.license"), model.license],
    [t("about.hardware"), words(hardware)],
    [t("about.gpu"), gpuWords(gpu)],
    [t("about.notes"), notes.join(" ")],
    [t("about.versions"), versionLines(versions)],
    [t("about.packId"), packId],
  ].filter(([, value]) => value !== undefined && value !== null && value !== "");
}

export function drawAbout({ info }) {
  const { about } = brandOf(info);
  byId("about-title").textContent = nameOf(info);
  byId("about-brand").hidden = !about;
  renderMarkdown(about ?? "", byId("about-brand"));
  const rows = facts(info).flatMap(([name, value]) => [element("dt", { children: [name] }), element("dd", { dir: "auto", children: [String(value)] })]);
  byId("about-facts").replaceChildren(...rows);
}
