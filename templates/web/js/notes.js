// What the program has to say of this start, such as that a damaged file was set aside: told once, and kept in About.
import { read, write } from "./storage.js";

const KEY = "llamapack.notes";

/** `tell(words)` when the program says something that this browser has not shown yet. */
export function watchNotes(store, tell) {
  store.subscribe(({ info }) => {
    const words = (info.notes ?? []).join(" ");
    if (!words || read("localStorage", KEY) === words) return;
    write("localStorage", KEY, words);
    tell(words);
  });
}
