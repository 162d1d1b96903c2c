// Follows the end of the conversation, lets go when the reader scrolls up, and offers a way back.

const NEAR = 12; // pixels from the end that still count as "at the end"

/** {follow(), toEnd()} for a scrolling element; `jump` is the button shown while the reader is elsewhere. */
export function createScroll(scroller, jump, hasConversation) {
  let isFollowing = true;
  let lastTop = 0;

  const distance = () => scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop;

  function letGo() {
    if (scroller.scrollTop > 0) isFollowing = false;
    updateJump();
  }

  function updateJump() {
    jump.hidden = isFollowing || !hasConversation() || distance() <= NEAR;
  }

  function onScroll() {
    if (distance() <= NEAR) isFollowing = true;
    else if (scroller.scrollTop < lastTop) isFollowing = false;
    lastTop = scroller.scrollTop;
    updateJump();
  }

  /** After something was drawn: stay at the end if the reader was there. A page without a conversation begins at its top. */
  function follow() {
    if (isFollowing) scroller.scrollTop = hasConversation() ? scroller.scrollHeight : 0;
    updateJump();
  }

  function toEnd() {
    isFollowing = true;
    follow();
  }

  scroller.addEventListener("scroll", onScroll, { passive: true });
  scroller.addEventListener("wheel", (event) => event.deltaY < 0 && letGo(), { passive: true });
  jump.addEventListener("click", toEnd);
  new ResizeObserver(follow).observe(scroller);
  return { follow, toEnd };
}
