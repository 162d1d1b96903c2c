// A page that is closed or left tells the program, which may end when it was the last one. One that the browser puts
// aside does so too, since it may never come back; when it does, its stream of events begins again and takes that back.

/** 32 hexadecimal digits; crypto.randomUUID is not there on plain HTTP over a network. */
export const PAGE_ID = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** `onSleep()` when the browser puts the page aside, `onWake()` when it is shown again as it was. */
export function watchLeaving({ isOver, onSleep, onWake }) {
  addEventListener("pagehide", (event) => {
    const body = new Blob([JSON.stringify({ page: PAGE_ID })], { type: "application/json" });
    if (!isOver()) navigator.sendBeacon("llamapack/leave", body);
    if (event.persisted) onSleep();
  });
  addEventListener("pageshow", (event) => event.persisted && onWake());
}
