// How strongly each of the model's adapters acts: a slider for each, where there are any.
import { byId, element } from "./dom.js";
import { formatNumber, t } from "./i18n.js";

const MOST = 2;
const STEP = 0.05;

/** One adapter: its row, and what it shows. onMove() while it is moved, onSet() when it is let go. */
function createSlider({ name, scale }, index, onSet) {
  const id = `adapter-${index}`;
  const label = element("label", { for: id, children: [name] });
  const input = element("input", { id, type: "range", min: "0", max: String(MOST), step: String(STEP) });
  const value = element("output", { for: id });
  const row = element("div", { className: "adapter", children: [label, input, value] });

  function draw() {
    value.textContent = Number(input.value) ? formatNumber(Number(input.value)) : t("adapters.off");
    input.setAttribute("aria-valuetext", value.textContent);
  }

  function show(wanted) {
    input.value = String(wanted ?? scale);
    draw();
  }

  input.addEventListener("input", draw);
  input.addEventListener("change", onSet);
  show(null);
  const wanted = () => (Number(input.value) === scale ? [] : [[name, Number(input.value)]]);
  return { name, row, draw, show, wanted };
}

/** {draw(adapters), show(scales)}. onSave(scales) by name, of those that are not as the packer chose, and of other models' as they were. */
export function createAdapters(onSave) {
  const [field, list, folded] = ["adapters", "adapters-fields", "advanced"].map(byId);
  let sliders = [];
  let shown = {};
  let drawn = "";

  function save() {
    const names = sliders.map(({ name }) => name);
    const others = Object.entries(shown).filter(([name]) => !names.includes(name));
    onSave(Object.fromEntries([...others, ...sliders.flatMap(({ wanted }) => wanted())]));
  }

  function show(scales = {}) {
    shown = scales;
    for (const { name, show: showOne } of sliders) showOne(scales[name]);
    if (sliders.some(({ name }) => name in scales)) folded.open = true; // what is set is not hidden
  }

  function draw(adapters) {
    field.hidden = !adapters.length;
    if (JSON.stringify(adapters) !== drawn) {
      drawn = JSON.stringify(adapters);
      sliders = adapters.map((one, index) => createSlider(one, index, save));
      list.replaceChildren(...sliders.map(({ row }) => row));
      show(shown);
    }
    for (const slider of sliders) slider.draw();
  }

  return { draw, show };
}
