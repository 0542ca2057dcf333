import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ClickLog } from "../../../trainer/data/click-log.ts";
import { MAX_LINE_BYTES } from "../../../trainer/data/lines.ts";
import { hasParts } from "../../../trainer/data/quoted-breaks.ts";
import { testFolder, writerInto } from "./log-files.ts";

const file = writerInto(testFolder("quoted-breaks"));
const LAYOUT = { delimiter: ",", quote: '"', blanks: false };
const LIMITS = { timeout: 300_000 };

/** Records whose text is a list of lines that look like records. */
function listing(bytes: number): { text: string; records: number } {
  const records: string[] = [];
  for (let size = 0; size < bytes; size += records.at(-1)?.length ?? 0) {
    const n = records.length;
    const lines = Array.from({ length: n % 50 }, (_, i) => `${i % 2},u${n + i},"",${i}`);
    records.push(`${n % 2},u${n},"\n${lines.join("\n").replaceAll('"', '""')}\n0,u8,x,",${n}`);
  }
  return { text: `label,user,text,n\n${records.join("\n")}\n`, records: records.length };
}

describe("a log longer than a part of it that one thread reads, with cells of many lines", () => {
  const { text, records } = listing(2.5 * MAX_LINE_BYTES);
  it.each([
    ["plain", "listing.csv", text],
    ["compressed", "listing.csv.gz", gzipSync(text, { level: 1 })],
  ] as const)("is read whole, %s", LIMITS, async (_, name, content) => {
    await using log = await ClickLog.open(file(name, content));
    let count = 0;
    let other = 0;
    for await (const { rows, columns } of log.chunks(["n", "text"])) {
      for (let row = 0; row < rows; row++, count++) {
        const [n, cell] = columns.map((column) => String(column[row]));
        if (n !== String(count) || cell.split("\n").length !== (count % 50 || 1) + 2) other++;
      }
    }
    expect({ count, other }).toEqual({ count: records, other: 0 });
  });

  it("is told from one whose lines end between cells", LIMITS, async () => {
    expect(await hasParts(file("listing.csv", text), LAYOUT)).toBe(false);
    expect(await hasParts(file("listing.csv", text), { ...LAYOUT, quote: "" })).toBe(true);
    expect(await hasParts(file("short.csv", listing(1e5).text), LAYOUT)).toBe(true);
    const inches = '1,u,5" disk,7\n0,"a ""b"" ,",x "y\n, "c","",\n';
    expect(await hasParts(file("inches.csv", inches.repeat(MAX_LINE_BYTES / inches.length + 1)), LAYOUT)).toBe(true);
    const last = `${inches.repeat(MAX_LINE_BYTES / inches.length + 1)}1, "a\nb",c,d\n`;
    expect(await hasParts(file("last.csv", last), LAYOUT)).toBe(false);
    expect(await hasParts(file("last.csv.gz", gzipSync(last, { level: 1 })), LAYOUT)).toBe(false);
  });
});
