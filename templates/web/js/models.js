// Which of several models answers in the open chat. Pure.

/** Those that chat, as {id, name, sees_images, adapters}; one or none where there is nothing to choose. */
export const chatModels = ({ info }) => (info.models ?? []).filter(({ kind }) => kind === "chat");

/** The chat's own, for a new chat the one that was chosen last; the first where that is not packed. Null where there is nothing to choose. */
export function chosenModel(state) {
  const models = chatModels(state);
  if (models.length < 2) return null;
  const wanted = state.chatId === null ? state.lastModel : state.chat?.model;
  return models.find(({ id }) => id === wanted) ?? models[0];
}

/** Whether the model that answers takes pictures. */
export const seesImages = (state) => Boolean((chosenModel(state) ?? state.info.model)?.sees_images);

/** Whether another model does, which may be chosen. */
export const othersSeeImages = (state) => !seesImages(state) && chatModels(state).some((one) => one.sees_images);

/** The adapters of the model that answers, as {name, scale}. */
export const chosenAdapters = (state) => chosenModel(state)?.adapters ?? state.info.adapters ?? [];

/** Which model wrote an answer; nothing where all are by the same one. */
export const writerOf = (state, { figures }) => (chosenModel(state) && typeof figures?.model === "string" ? figures.model : null);

/** How many tokens the model of the chat keeps in mind; undefined as long as it has not told. */
export function contextSize(state, messages) {
  const chosen = chosenModel(state);
  const told = messages.findLast(({ figures }) => chosen && figures?.model === chosen.name)?.figures.n_ctx;
  const isFirst = chosen === null || chosen.id === state.info.model?.id;
  return told ?? (isFirst ? state.info.n_ctx : undefined);
}
