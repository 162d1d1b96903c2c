// Runs before the first paint, so that a dark page never flashes white and the sidebar does not slide in. theme.js and
// sidebar.js do the rest.
(() => {
  const stored = (key) => {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch (error) {
      if (!(error instanceof DOMException || error instanceof SyntaxError)) throw error;
      return null; // no storage: follow the system
    }
  };
  const choice = stored("llamapack.theme");
  const dark = choice === "dark" || (choice !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  const open = matchMedia("(min-width: 52rem)").matches && stored("llamapack.sidebar") !== "closed";
  Object.assign(document.documentElement.dataset, { theme: dark ? "dark" : "light", sidebar: open ? "open" : "closed" });
})();
