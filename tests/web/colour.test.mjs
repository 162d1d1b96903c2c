import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { brandColours, contrast, mix } from "../../templates/web/js/colour.js";

const css = readFileSync(new URL("../../templates/web/css/tokens.css", import.meta.url), "utf8");
const [light, dark] = css.split("}").map((block) => Object.fromEntries([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value])));
const THEMES = { light, dark };

const SHARES = [0, 0x33, 0x66, 0x99, 0xcc, 0xff];
const MANY = SHARES.flatMap((red) => SHARES.flatMap((green) => SHARES.map((blue) => `#${[red, green, blue].map((value) => value.toString(16).padStart(2, "0")).join("")}`)));

for (const [name, theme] of Object.entries(THEMES)) {
  test(`text in a brand's colour can be read, in the ${name} theme`, () => {
    for (const colour of MANY) {
      const made = brandColours(colour, theme);
      const grounds = [theme.paper, theme.surface, theme.sunken, theme.hover, made["accent-soft"]];
      for (const ground of grounds) assert.ok(contrast(made.accent, ground) >= 4.5, `${colour}: ${made.accent} on ${ground}`);
      for (const text of [theme.ink, theme.muted]) assert.ok(contrast(text, made["accent-soft"]) >= 4.5, `${colour}: ${text} on ${made["accent-soft"]}`);
      assert.ok(contrast(made["accent-soft"], theme.paper) >= 1.04, `${colour}: ${made["accent-soft"]} on paper`);
      assert.ok(contrast(made["accent-ink"], made.accent) >= 4.5, colour);
      assert.ok(contrast(made["fill-ink"], made.fill) >= 4.5, colour);
      assert.ok(contrast(made.fill, theme.surface) >= 1.3, `${colour}: a button ${made.fill} on ${theme.surface}`);
    }
  });
}

test("contrast is as WCAG has it", () => {
  assert.equal(contrast("#000000", "#ffffff"), 21);
  assert.equal(contrast("#777777", "#777777"), 1);
  assert.equal(contrast("#767676", "#ffffff").toFixed(2), "4.54");
});

test("a colour that can be read stays as it is", () => {
  assert.equal(brandColours("#13705f", light).accent, "#13705f");
  assert.equal(brandColours("#6fcdb6", dark).accent, "#6fcdb6");
});

test("a loud colour stays on buttons, with dark words", () => {
  const made = brandColours("#ffd400", light);
  assert.equal(made.fill, "#ffd400");
  assert.equal(made["fill-ink"], "#000000");
});

test("a moved colour keeps its hue", () => {
  const { accent } = brandColours("#0b1f4b", dark);
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(accent.slice(at, at + 2), 16));
  assert.ok(blue > green && green > red && blue - red > 60, accent);
});

test("black and white are readable too", () => {
  for (const theme of [light, dark]) for (const colour of ["#000000", "#ffffff"]) assert.ok(contrast(brandColours(colour, theme).accent, theme.paper) >= 4.5);
});

test("colours mix by shares", () => {
  assert.equal(mix("#000000", "#ffffff", 0), "#000000");
  assert.equal(mix("#000000", "#ffffff", 1), "#ffffff");
  assert.equal(mix("#102030", "#304050", 0.5), "#203040");
});
