// Draws a picture anew before it is sent: upright as its camera held it, small enough, as PNG or JPEG whatever it was,
// and without what else is in a photo's file, such as where it was taken.
import { isPictureFile, sizeWithin } from "./pictures.js";

const MOST_PNG_BYTES = 1_000_000; // a larger one is a photo, and a tenth as large as JPEG
const JPEG_QUALITY = 0.9;

/** The browser cannot read the picture. */
export class PictureError extends Error {
  constructor() {
    super("The browser cannot read this picture.");
    this.name = "PictureError";
  }
}

const blobOf = (canvas, type, quality) => new Promise((resolve) => canvas.toBlob(resolve, type, quality));

async function bitmapOf(file) {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new PictureError(); // a broken file, one of a foreign kind, too large a one, or an old browser
  }
}

function canvasOf(bitmap, side) {
  const canvas = Object.assign(document.createElement("canvas"), sizeWithin(bitmap.width, bitmap.height, side));
  const pen = canvas.getContext("2d");
  if (!pen) throw new PictureError();
  pen.fillStyle = "white"; // a model sees nothing through
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** What to send of a file: a picture no longer than `side` as a Blob, any other as it is. Rejects with PictureError. */
export async function toSend(file, side) {
  if (!isPictureFile(file)) return file;
  const bitmap = await bitmapOf(file);
  try {
    const canvas = canvasOf(bitmap, side);
    const png = file.type === "image/jpeg" ? null : await blobOf(canvas, "image/png");
    const blob = png && png.size <= MOST_PNG_BYTES ? png : await blobOf(canvas, "image/jpeg", JPEG_QUALITY);
    if (!blob) throw new PictureError();
    return blob;
  } finally {
    bitmap.close();
  }
}
