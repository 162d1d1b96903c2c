// From the one colour of a brand the colours of the page, each readable where it is used. Pure; colours are "#rrggbb".

const TEXT = 4.5; // least contrast of text with its ground (WCAG 2.2, 1.4.3)
const SEEN = 1.04; // least contrast of one ground with another
const STEP = 0.02;

const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
const toHex = (values) => `#${values.map((value) => Math.round(value).toString(16).padStart(2, "0")).join("")}`;

/** Relative luminance, 0 to 1 (WCAG 2.2). */
function luminance(hex) {
  const [red, green, blue] = channels(hex).map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** 1 to 21. */
export function contrast(one, other) {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

/** `share` of the second colour in the first. */
export function mix(one, other, share) {
  const others = channels(other);
  return toHex(channels(one).map((value, at) => value + (others[at] - value) * share));
}

/** Hue and saturation as they are, with another lightness, 0 to 1 (HSL). */
function withLightness(colour, lightness) {
  const values = channels(colour).map((value) => value / 255);
  const [most, least] = [Math.max(...values), Math.min(...values)];
  const now = (most + least) / 2;
  const room = (at) => Math.min(at, 1 - at);
  const scale = room(now) > 0 ? room(lightness) / room(now) : 0; // black and white have no hue
  return toHex(values.map((value) => 255 * (lightness + (value - now) * scale)));
}

/** The colour, made lighter or darker until `isGood`, as little as it takes. */
function shaded(colour, isLighter, isGood) {
  const values = channels(colour);
  const now = (Math.max(...values) + Math.min(...values)) / 510;
  if (isGood(colour)) return colour;
  const step = isLighter ? STEP : -STEP;
  for (let lightness = now + step; lightness > 0 && lightness < 1; lightness += step) {
    const next = withLightness(colour, lightness);
    if (isGood(next)) return next;
  }
  return isLighter ? "#ffffff" : "#000000";
}

/** The first colour, moved to the second as little as it takes for `isGood`. */
function moved(colour, end, isGood) {
  for (let share = 0; share < 1; share += STEP) {
    const next = mix(colour, end, share);
    if (isGood(next)) return next;
  }
  return end;
}

const inkOn = (ground) => (contrast("#ffffff", ground) >= TEXT ? "#ffffff" : "#000000");

/**
 * The page's colours for a brand's: accent (text and lines), accent-ink (on it), accent-soft (a ground for text), fill
 * (buttons, as near to the brand as can be seen) and fill-ink. `theme` has the colours that stay: paper, surface,
 * sunken and hover are grounds, ink and muted are text.
 */
export function brandColours(colour, { paper, surface, sunken, hover, ink, muted }) {
  const isDark = luminance(paper) < 0.5;
  const isReadable = (ground) => contrast(ink, ground) >= TEXT && contrast(muted, ground) >= TEXT;
  const onAll = (grounds) => shaded(colour, isDark, (next) => grounds.every((ground) => contrast(next, ground) >= TEXT));
  const softOf = (tint) => moved(mix(paper, tint, isDark ? 0.24 : 0.16), paper, isReadable);
  const grounds = [paper, surface, sunken, hover];
  const nearest = softOf(colour);
  const soft = contrast(nearest, paper) >= SEEN ? nearest : softOf(onAll(grounds));
  const accent = onAll([...grounds, soft]);
  const fill = shaded(colour, isDark, (next) => contrast(next, surface) >= (isDark ? 2 : 1.3));
  return { accent, "accent-ink": inkOn(accent), "accent-soft": soft, fill, "fill-ink": inkOn(fill) };
}
