import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, it } from "vitest";
import { chart } from "../../../lab/report/chart.ts";
import { LABEL_ROOM, shortened } from "../../../lab/report/label.ts";
import { curveFigure } from "../../../lab/report/learning-curves.ts";
import { facts, figures, folded, htmlTable, page, tiles } from "../../../lab/report/page.ts";
import { findChromium, openPage } from "../../package/browser.ts";
import { Chromium } from "../../playground/chromium.ts";
import { MEASURE } from "./measure.ts";

const chromium = findChromium();
const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-screen-"));
afterAll(() => rmSync(folder, { recursive: true }));

it.skipIf(chromium === null)(
  "a report fits a phone's screen and a desktop's; a table that is too wide scrolls, from the keyboard too",
  async () => {
    const long = "a_name_without_a_blank_that_is_longer_than_the_screen_of_a_phone_is_wide";
    const curve = { name: long, points: [3, 1, 0.9, 0.85].map((value, i) => ({ epoch: i + 1, value })), kept: 4 };
    const options = { title: `Loss of ${long}`, note: long, worst: "high" } as const;
    const figure = await curveFigure([curve, { ...curve, name: "b" }], options);
    if (!figure) throw new Error("expected a figure");
    const columns = Array.from({ length: 6 }, (_, i) => `column ${i}`);
    const html = page("train", long, `A report about ${long}.`, [
      { title: long, html: tiles([[long, "0.12345678901234567890", long]]) },
      { title: "Figures", html: figures([figure]) },
      { title: "Table", html: htmlTable(columns, [columns.map((name) => `${name} ${name}`)], "a wide table") },
      { title: "Facts", html: facts([[long, long]], "facts") + folded(long, long) },
    ]);
    writeFileSync(join(folder, "report.html"), html);
    writeFileSync(join(folder, "page.html"), MEASURE);
    expect(await openPage(chromium as string, folder, new Uint8Array())).toEqual([
      { width: 390, tooWide: 0, outside: [], wide: "a wide table", focused: true },
      { width: 1280, tooWide: 0, outside: [], wide: null, focused: false },
    ]);
  },
);

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

it.skipIf(chromium === null)("a report is as whole on paper and to a screen reader as on a screen", async () => {
  const curve = { name: "training", points: [3, 1].map((value, i) => ({ epoch: i + 1, value })), kept: 2 };
  const figure = await curveFigure([curve, { ...curve, name: "validation" }], {
    title: "Loss",
    note: "",
    worst: "high",
  });
  if (!figure) throw new Error("expected a figure");
  const columns = Array.from({ length: 12 }, (_, i) => (i === 0 ? "" : `column ${i}`));
  const html = page("train", "Report", "A report.", [
    { title: "Figures", html: figures([figure]) },
    { title: "Table", html: htmlTable(columns, [columns.map((_, i) => `value ${i} of a row`)], "a wide table") },
  ]);
  const file = join(folder, "paper.html");
  writeFileSync(file, html);
  await using browser = await Chromium.start(String(chromium));
  const opened = await browser.open(pathToFileURL(file).href, { width: 740 });
  await opened.evaluate(axe);
  type Violation = { id: string; nodes: { html: string }[] };
  const violations = await opened.evaluate<Violation[]>("axe.run().then(({ violations }) => violations)");
  expect(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)])).toEqual([]);
  const hidden = "[...document.querySelectorAll('.scroll')].map((card) => card.scrollWidth > card.clientWidth)";
  expect(await opened.evaluate(hidden)).toEqual([true]);
  await opened.send("Emulation.setEmulatedMedia", { media: "print" });
  expect(await opened.evaluate(hidden)).toEqual([false]);
  // Lines break between words, so that no number is cut in two.
  const cut = `[...document.querySelectorAll("tbody td")].filter((cell) => {
    const words = cell.textContent.split(" ").map((word) => {
      const range = document.createRange();
      const at = cell.textContent.indexOf(word);
      range.setStart(cell.firstChild, at);
      range.setEnd(cell.firstChild, at + word.length);
      return range.getClientRects().length;
    });
    return words.some((rectangles) => rectangles > 1);
  }).length`;
  expect(await opened.evaluate(cut)).toBe(0);
  // A browser prints no background, and a system with colors of its own shows none, but where a page insists.
  const legend = "(({ printColorAdjust, forcedColorAdjust }) => [printColorAdjust, forcedColorAdjust])";
  expect(await opened.evaluate(`${legend}(getComputedStyle(document.querySelector('.legend i')))`)).toEqual([
    ...["exact", "none"],
  ]);
});

it.skipIf(chromium === null)("a label beside a chart has room, whatever its characters", async () => {
  const names = ["a_name_of_small_letters", "USER_AGE_BUCKET_ID", "商品カテゴリーの長い長い名前", "👩‍👩‍👧".repeat(12)];
  const labels = names.map((name) => shortened(name));
  const svg = await chart(
    [
      {
        data: { values: labels.map((label, rank) => ({ label, rank })) },
        mark: { type: "point" },
        encoding: {
          x: { field: "rank", type: "quantitative" },
          y: { field: "label", type: "ordinal", title: null, sort: null },
        },
      },
    ],
    { description: "labels", left: LABEL_ROOM },
  );
  writeFileSync(join(folder, "report.html"), page("train", "Labels", "", [{ title: "Labels", html: svg }]));
  writeFileSync(join(folder, "page.html"), MEASURE);
  const measured = (await openPage(String(chromium), folder, new Uint8Array())) as { outside: string[] }[];
  expect(measured.map(({ outside }) => outside)).toEqual([[], []]);
});

it("a text is cut between what a reader sees as characters", () => {
  expect(shortened("a_name_of_small_letters")).toBe("a_name_…_letters");
  expect(shortened("sixteen letters.")).toBe("sixteen letters.");
  expect(shortened("USER_AGE_BUCKET_ID")).toBe("USER_…KET_ID");
  expect(shortened("👩‍👩‍👧".repeat(12))).toBe("👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧…👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧");
  expect(shortened("e\u0301".repeat(20), 6)).toBe(`${"e\u0301".repeat(2)}…${"e\u0301".repeat(3)}`);
});

if (chromium === null) console.log("skipped without a chromium on the PATH: how reports fit a screen");
