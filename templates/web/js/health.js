// Asks the program how it is: often while it loads, seldom afterwards, and at once when something went wrong.
import { fetchHealth, fetchInfo } from "./api.js";

const LOADING_MS = 200;
const READY_MS = 4000;
const LOST_MS = 1500;
const MISSES_UNTIL_LOST = 2;

function pause(ms, wake) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    wake.now = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

/** Keeps store's phase, loading, failure and info true until the phase is "quit". Returns {checkNow}. */
export function watchHealth(store) {
  const wake = { now: () => {} };
  let misses = 0;

  async function look() {
    try {
      const health = await fetchHealth();
      misses = 0;
      return health;
    } catch (error) {
      const isSlow = error.name === "TimeoutError"; // a busy program is not a dead one
      if (!isSlow && !(error instanceof TypeError)) throw error;
      misses += isSlow ? 0 : 1;
      return { kind: misses >= MISSES_UNTIL_LOST ? "lost" : store.get().phase };
    }
  }

  async function learn() {
    try {
      const info = await fetchInfo();
      if (info) store.update({ info });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // gone meanwhile: the next look says so
    }
  }

  function take({ kind, loading, reason, code }) {
    const { phase } = store.get();
    if (phase === "quit") return;
    if (kind !== phase || kind === "loading") {
      store.update({ phase: kind, loading: loading ?? store.get().loading, failure: { sentence: reason ?? "", code: code ?? "" } });
    }
  }

  function delay() {
    const { phase } = store.get();
    if (misses > 0 && phase !== "lost") return LOADING_MS;
    return { loading: LOADING_MS, ready: READY_MS }[phase] ?? LOST_MS;
  }

  async function watch() {
    await learn();
    while (store.get().phase !== "quit") {
      const before = store.get().phase;
      take(await look());
      const after = store.get().phase;
      if (after === "ready" && before !== "ready") await learn();
      if (after !== "quit") await pause(delay(), wake);
    }
  }

  const checkNow = () => wake.now();
  document.addEventListener("visibilitychange", () => document.hidden || checkNow());
  watch();
  return { checkNow };
}
