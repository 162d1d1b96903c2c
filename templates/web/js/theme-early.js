// Runs before the first paint, so that a dark page never flashes white. theme.js does the rest.
(() => {
  let choice = null;
  try {
    choice = JSON.parse(localStorage.getItem("llamapack.theme"));
  } catch (error) {
    if (!(error instanceof DOMException || error instanceof SyntaxError)) throw error; // no storage: follow the system
  }
  const dark = choice === "dark" || (choice !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
