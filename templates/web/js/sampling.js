// The values behind "Advanced": their limits, as the program has them, and how what a person types is read. Pure.

/** `isOpen`: the least value itself is not allowed. */
export const FIELDS = [
  { name: "temperature", least: 0, most: 2 },
  { name: "top_k", least: 0, most: 1000, isWhole: true },
  { name: "top_p", least: 0, most: 1 },
  { name: "min_p", least: 0, most: 1 },
  { name: "repeat_penalty", least: 0, most: 2, isOpen: true },
  { name: "max_tokens", least: 1, most: 1000000, isWhole: true },
];

const THOUSANDS = /^\d{1,3}(?:[.,\s’']\d{3})+$/;
const NUMBER = /^[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)$/;

/** {value}, null for an empty text, or {problem}: "number" | "whole" | "range". A comma is a decimal point as well. */
export function readValue({ least, most, isWhole = false, isOpen = false }, text) {
  const plain = text.normalize("NFKC").trim();
  const typed = isWhole && THOUSANDS.test(plain) ? plain.replace(/\D/g, "") : plain;
  if (typed === "") return { value: null };
  if (!NUMBER.test(typed)) return { problem: isWhole ? "whole" : "number" };
  const value = Number(typed.replace(",", "."));
  if (isWhole && !Number.isInteger(value)) return { problem: "whole" };
  const isWithin = (isOpen ? value > least : value >= least) && value <= most;
  return isWithin ? { value } : { problem: "range" };
}

/** The text for a value, "" for null. */
export const writeValue = (value) => (value === null || value === undefined ? "" : String(value));
