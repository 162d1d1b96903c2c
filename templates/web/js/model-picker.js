// The choice among several models, in the header; not there where there is one.
import { ApiError, ConnectionError, changeChat, changeSettings, fetchSettings } from "./api.js";
import { byId, element } from "./dom.js";
import { chatModels, chosenModel } from "./models.js";
import { explain } from "./problems.js";

/** {take(settings), settled()}: `take` what is chosen for new chats; `settled` resolves when the choice is kept. */
export function createModelPicker(store, { onProblem, onTrouble, onRefused }) {
  const picker = byId("model-picker");
  let drawn = "";
  let isKnown = false;
  let keeping = Promise.resolve();

  async function attempt(wish) {
    try {
      return await wish();
    } catch (error) {
      if (!(error instanceof ApiError || error instanceof ConnectionError)) throw error;
      if (error instanceof ConnectionError) onTrouble();
      onProblem(explain(error));
      return null;
    }
  }

  const take = ({ model }) => store.update({ lastModel: model ?? null });

  /** A tab that was opened later knows what another has chosen. */
  async function learn() {
    isKnown = true;
    const settings = await attempt(fetchSettings);
    if (settings) take(settings);
  }

  async function keep(id, model) {
    if (id === null) return attempt(() => changeSettings({ model }));
    if (!(await attempt(() => changeChat(id, { model })))) onRefused();
  }

  function choose() {
    const { chatId, chat } = store.get();
    const model = picker.value;
    store.update({ lastModel: model, ...(chatId !== null && chat ? { chat: { ...chat, model } } : {}) });
    keeping = keep(chatId, model);
  }

  function draw(state = store.get()) {
    const models = chatModels(state);
    const isShown = models.length > 1;
    if (picker.hidden === isShown) picker.hidden = !isShown;
    if (!isShown) return;
    if (!isKnown) learn();
    const key = JSON.stringify(models);
    if (key !== drawn) {
      drawn = key;
      picker.replaceChildren(...models.map(({ id, name }) => element("option", { value: id, children: [name] })));
    }
    const { id } = chosenModel(state);
    if (picker.value !== id) picker.value = id;
    if (picker.title !== picker.selectedOptions[0]?.text) picker.title = picker.selectedOptions[0]?.text ?? "";
  }

  picker.addEventListener("change", choose);
  store.subscribe(draw);
  draw();
  return { take, settled: () => keeping };
}
