// Text that arrives in pieces, each with its place, and excerpts with marks. Pure.

/**
 * `text` with a piece that belongs `at` places from its start, counted as strings here count (UTF-16 units): the same
 * text when all of it was known, null when something before it is missing.
 */
export function withPiece(text, piece, at) {
  if (at > text.length) return null;
  return at + piece.length <= text.length ? text : text + piece.slice(text.length - at);
}

/** Split an excerpt at its marks, [start, end), counted as strings here count: [{text, isMarked}]. */
export function excerptParts({ text, marks }) {
  const parts = [];
  let done = 0;
  const add = (end, isMarked) => {
    if (end > done) parts.push({ text: text.slice(done, end), isMarked });
    done = Math.max(done, end);
  };
  for (const [start, end] of [...marks].sort((a, b) => a[0] - b[0])) {
    add(start, false);
    add(end, true);
  }
  add(text.length, false);
  return parts;
}
