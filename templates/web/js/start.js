// Runs first: lets the page paint, then asks for all modules at once, and not as each one names the next.
const LONGEST_MS = 100; // a page in the background paints nothing
const MODULES = [
  "js/about.js", "js/adapters.js", "js/advanced.js", "js/answer-settings.js", "js/api.js", "js/attach-view.js", "js/attachments.js",
  "js/brand.js", "js/chat-list.js", "js/chat-rows.js", "js/chat-view.js", "js/chats-view.js", "js/citations.js",
  "js/clipboard.js", "js/colour.js", "js/composer.js", "js/context-meter.js", "js/context.js", "js/conversation.js",
  "js/data-panel.js", "js/deleting.js", "js/developers.js", "js/dialogs.js", "js/dom.js", "js/file-chip.js",
  "js/file-dialog.js", "js/files.js", "js/groups.js", "js/health.js", "js/highlight.js", "js/i18n.js",
  "js/lang/en.js", "js/lang/zh.js", "js/leaving.js", "js/live.js", "js/loading.js", "js/markdown.js",
  "js/math-dom.js", "js/math.js", "js/message-edit.js", "js/message-parts.js", "js/message-view.js",
  "js/model-picker.js", "js/models.js", "js/notes.js",
  "js/opened.js", "js/picture-drawing.js", "js/pictures.js", "js/pieces.js", "js/popup.js", "js/problems.js", "js/report.js", "js/route.js", "js/sampling.js",
  "js/scroll.js",
  "js/settings.js", "js/shortcuts.js", "js/shown.js", "js/sidebar.js", "js/snippets.js", "js/sources.js",
  "js/speech.js", "js/spoken.js", "js/state.js", "js/storage.js", "js/tex-marks.js", "js/theme.js", "js/tree.js",
  "js/unsent.js", "js/uploads.js", "js/welcome.js", "vendor/dompurify/purify.js", "vendor/marked/marked.js",
];

let isStarted = false;

function start() {
  if (isStarted) return;
  isStarted = true;
  for (const path of MODULES) {
    document.head.append(Object.assign(document.createElement("link"), { rel: "modulepreload", href: path }));
  }
  import("./main.js");
}

requestAnimationFrame(() => setTimeout(start));
setTimeout(start, LONGEST_MS);
