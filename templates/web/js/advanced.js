// The numbers behind a preset, for who wants to set them: one line each, checked while they are typed.
import { byId, element } from "./dom.js";
import { formatNumber, t } from "./i18n.js";
import { FIELDS, readValue, writeValue } from "./sampling.js";

const SAVE_MS = 700; // after the last key

const WORDS = {
  temperature: () => [t("advanced.temperature"), t("advanced.temperature.hint")],
  top_k: () => [t("advanced.topK"), t("advanced.topK.hint")],
  top_p: () => [t("advanced.topP"), t("advanced.topP.hint")],
  min_p: () => [t("advanced.minP"), t("advanced.minP.hint")],
  repeat_penalty: () => [t("advanced.repeatPenalty"), t("advanced.repeatPenalty.hint")],
  max_tokens: () => [t("advanced.maxTokens"), t("advanced.maxTokens.hint")],
};
const PROBLEMS = {
  number: (limits) => t("advanced.notNumber", limits),
  whole: (limits) => t("advanced.notWhole", limits),
  range: (limits) => t("advanced.notWithin", limits),
  above: (limits) => t("advanced.notAbove", limits),
};

function sentence(problem, { least, most, isOpen }) {
  const kind = problem === "range" && isOpen ? "above" : problem;
  return PROBLEMS[kind]({ least: formatNumber(least), most: formatNumber(most) });
}

/** One value: its row, what it shows, and saving it. onSave(name, value). */
function createField(field, onSave) {
  const id = `advanced-${field.name}`;
  const [label, hint, problem] = [element("label", { for: id }), element("p", { className: "muted", id: `${id}-hint` }), element("p", { className: "dialog-error", id: `${id}-problem`, role: "alert" })];
  const input = element("input", { id, type: "text", inputmode: field.isWhole ? "numeric" : "decimal", autocomplete: "off", dir: "ltr", "aria-describedby": `${hint.id} ${problem.id}` });
  const row = element("div", { className: "number", children: [label, input, hint, problem] });
  let saved = "";
  let timer = null;

  function check() {
    const read = readValue(field, input.value);
    problem.textContent = read.problem ? sentence(read.problem, field) : "";
    input.setAttribute("aria-invalid", String(Boolean(read.problem)));
    return read;
  }

  function save() {
    clearTimeout(timer);
    const { value, problem: isWrong } = check();
    if (isWrong || writeValue(value) === saved) return;
    saved = writeValue(value);
    onSave(field.name, value);
  }

  function draw() {
    [label.textContent, hint.textContent] = WORDS[field.name]();
    input.placeholder = t("advanced.asPreset");
    check();
  }

  /** What is being typed is left alone. */
  function show(value) {
    const isTyped = readValue(field, input.value).value !== readValue(field, saved).value;
    saved = writeValue(value);
    if (isTyped) return;
    input.value = saved;
    check();
  }

  /** Whatever is typed goes. */
  function clear() {
    clearTimeout(timer);
    saved = input.value = "";
    check();
  }

  input.addEventListener("input", () => {
    check();
    clearTimeout(timer);
    timer = setTimeout(save, SAVE_MS);
  });
  input.addEventListener("blur", save);
  return { row, draw, show, save, clear };
}

/** {draw, show(sampling), save}. onSave(patch) with what changed, null for "as the preset has it". */
export function createAdvanced(onSave) {
  const [folded, list, reset] = ["advanced", "advanced-fields", "advanced-reset"].map(byId);
  const fields = new Map(FIELDS.map((field) => [field.name, createField(field, (name, value) => onSave({ [name]: value }))]));
  list.append(...[...fields.values()].map(({ row }) => row));

  function show(sampling = {}) {
    for (const [name, field] of fields) field.show(sampling[name] ?? null);
    const isSet = FIELDS.some(({ name }) => writeValue(sampling[name]) !== "");
    reset.disabled = !isSet;
    if (isSet) folded.open = true; // values that differ from the preset are not hidden
  }

  const each = (act) => () => [...fields.values()].forEach(act);
  reset.addEventListener("click", () => {
    each(({ clear }) => clear())();
    onSave(Object.fromEntries(FIELDS.map(({ name }) => [name, null])));
  });
  return { draw: each(({ draw }) => draw()), show, save: each(({ save }) => save()) };
}
