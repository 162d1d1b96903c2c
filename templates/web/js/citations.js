// Where a text cites sources by their numbers, as "[1]" or "[1, 2]". Pure.

const CITATION = /\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]/g;

/** A text split where it cites: strings, and a number for each of the sources in `known` that it names. */
export function splitCitations(text, known) {
  const parts = [];
  let at = 0;
  for (const { 0: found, 1: list, index } of text.matchAll(CITATION)) {
    const numbers = list.split(",").map(Number);
    if (!numbers.every((number) => known.has(number))) continue;
    parts.push(text.slice(at, index), ...numbers);
    at = index + found.length;
  }
  return [...parts, text.slice(at)].filter((part) => part !== "");
}
