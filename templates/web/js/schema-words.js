// A JSON Schema in a few words: "number from 0 to 1", "list of text", "text or list". Pure.

const NAMES = { string: "text", integer: "whole number", number: "number", boolean: "true or false", object: "object", null: "null" };

/** Of null, which every optional field may be, nothing is said. */
export function typeOf(schema) {
  if (schema.$ref) return schema.$ref.split(".").at(-1);
  if (schema.enum) return schema.enum.filter((one) => one !== null).map((one) => JSON.stringify(one)).join(", ") || "null";
  if ("const" in schema) return JSON.stringify(schema.const);
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return [...new Set(options.filter((one) => one.type !== "null").map(typeOf))].join(" or ");
  if (Array.isArray(schema.type)) return schema.type.map((one) => NAMES[one] ?? one).join(" or ");
  if (schema.type === "array") return schema.items && Object.keys(schema.items).length ? `list of ${typeOf(schema.items)}` : "list";
  return `${NAMES[schema.type] ?? "anything"}${bounds(schema)}`;
}

function bounds(schema) {
  const low = schema.minimum ?? schema.exclusiveMinimum;
  const high = schema.maximum;
  if (low !== undefined && high !== undefined && high < 2 ** 31 - 1) return ` from ${low} to ${high}`;
  if (low !== undefined && Math.abs(low) < 2 ** 53) return ` of ${low} or more`;
  if (schema.maxLength !== undefined) return ` of at most ${schema.maxLength} characters`;
  return "";
}
