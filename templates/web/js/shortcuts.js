// Keys that work everywhere on the page: Ctrl or Command with K searches, with Shift and O begins a new chat.

export function startShortcuts({ startNew, search }) {
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || document.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase();
    if (key === "k" && !event.shiftKey) search();
    else if (key === "o" && event.shiftKey) startNew();
    else return;
    event.preventDefault();
  });
}
