import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { curveFigure } from "../../../lab/report/learning-curves.ts";
import { facts, figures, folded, htmlTable, page, tiles } from "../../../lab/report/page.ts";
import { findChromium, openPage } from "../../package/browser.ts";
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

if (chromium === null) console.log("skipped without a chromium on the PATH: how reports fit a screen");
