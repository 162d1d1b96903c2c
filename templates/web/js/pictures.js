// What the page computes about pictures. Pure.

// Pixels of the longer side. Projectors make less of a picture, or tokens of all of it: few thousand of a square of this
// size. A small context has no room for those.
const SIDE = 1536;
const SMALL_SIDE = 1024;
const SMALL_CONTEXT = 8192; // tokens
const NAMES = /\.(avif|bmp|gif|heic|heif|jfif|jpe?g|png|webp)$/i;
const TEXTS = new Set(["image/svg+xml"]); // kinds of pictures that are read as text

/** Whether a file that the server has is a picture. */
export const isPicture = (info) => info?.kind === "png" || info?.kind === "jpeg";

/** Whether a file by its kind, else by its name, is a picture. */
export const isPictureFile = ({ name, type = "" }) => (type ? type.startsWith("image/") && !TEXTS.has(type) : NAMES.test(name));

/** How long a side of a picture may be that is sent to a model with a context of so many tokens. */
export const longestSide = (nCtx) => (nCtx < SMALL_CONTEXT ? SMALL_SIDE : SIDE);

/** {width, height} of a picture that is made no longer than `side`; never larger. */
export function sizeWithin(width, height, side) {
  const scale = Math.min(1, side / Math.max(width, height));
  const scaled = (length) => Math.max(1, Math.round(length * scale));
  return { width: scaled(width), height: scaled(height) };
}
