// "Your data" in the settings: take the chats along, bring some in, delete everything.
import { deleteAllChats, exportPath, importChats } from "./api.js";
import { byId, element } from "./dom.js";
import { formatNumber, t } from "./i18n.js";
import { explain, sentenceOf } from "./problems.js";

/** {draw}. onImported() and onDeleted() follow what was done; `question` asks (dialogs.js). */
export function createDataPanel(store, question, { onImported, onDeleted }) {
  const [state, file] = [byId("data-state"), byId("import-file")];

  function say(sentence, isProblem = false) {
    state.textContent = sentence;
    state.classList.toggle("dialog-error", isProblem);
  }

  function downloads(id) {
    const link = (format, text) => element("a", { className: "button", href: exportPath(format, id), download: "", children: [text] });
    return [link("markdown", t("export.markdown")), link("json", t("export.json"))];
  }

  function draw() {
    const { chatId } = store.get();
    say("");
    byId("export-all").replaceChildren(...downloads(null));
    byId("export-this-row").hidden = chatId === null;
    if (chatId !== null) byId("export-this").replaceChildren(...downloads(chatId));
  }

  async function bringIn([chosen]) {
    if (!chosen) return;
    try {
      const { chats, messages } = await importChats(JSON.parse(await chosen.text()));
      say(t("import.done", { chats: formatNumber(chats), messages: formatNumber(messages) }));
      onImported();
    } catch (error) {
      if (error instanceof SyntaxError) say(t("import.notJson", { name: chosen.name }), true);
      else say(t("import.failed", { reason: sentenceOf(explain(error)) }), true);
    } finally {
      file.value = "";
    }
  }

  /** Twice, in other words: there is no way back. */
  async function deleteEverything() {
    const first = { title: t("deleteAll.first"), text: t("deleteAll.firstText"), confirm: t("deleteAll.go"), isDanger: true };
    if (!(await question.ask(first))) return;
    const last = { title: t("deleteAll.second"), text: t("deleteAll.secondText"), confirm: t("deleteAll.really"), cancel: t("deleteAll.keep"), isDanger: true, act: deleteAllChats };
    if (!(await question.ask(last))) return;
    say(t("deleteAll.done"));
    onDeleted();
  }

  byId("import").addEventListener("click", () => file.click());
  file.addEventListener("change", () => bringIn([...file.files]));
  byId("delete-all").addEventListener("click", deleteEverything);
  return { draw };
}
