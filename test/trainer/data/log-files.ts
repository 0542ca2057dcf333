// Log files of a test, and what a log that is opened from them has.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect } from "vitest";
import { parseWith } from "../../../format/parse.ts";
import { type FeatureSpec, FeatureSpecSchema } from "../../../format/spec.ts";
import { ClickLog, type ClickLogOptions } from "../../../trainer/data/click-log.ts";
import { DuckDb } from "../../../trainer/data/duckdb.ts";
import { literal } from "../../../trainer/data/sql.ts";

/** A folder that goes when the file's tests are over; none of them may have left a database open. */
export function testFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `deepfm-edge-${name}-`));
  afterAll(() => {
    rmSync(folder, { recursive: true });
    expect(DuckDb.openCount).toBe(0);
  });
  return folder;
}

/** A function that writes a file, with the folders that its name has, into `folder` and returns its path. */
export function writerInto(folder: string): (name: string, content: string | Uint8Array) => string {
  return (name, content) => {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  };
}

/** Writes the rows of an SQL query as a Parquet file. */
export async function writeParquet(path: string, query: string): Promise<string> {
  await using duckdb = await DuckDb.open(undefined, [path]);
  await duckdb.connection.run(`COPY (${query}) TO ${literal(path)} (FORMAT parquet, USE_TMP_FILE false)`);
  return path;
}

/** A spec of a categorical field, whose values need two records to have a row, and of a numeric one with bins. */
export const USER_AGE_SPEC = parseWith(
  FeatureSpecSchema,
  {
    name: "tiny",
    fields: [
      { name: "user", type: "categorical", encoding: { kind: "vocabulary", minCount: 2 } },
      { name: "age", type: "numeric", encoding: { kind: "boundaries", boundaries: [18, 65] } },
    ],
  },
  "tiny",
);

/** A spec of one categorical field, id, with changes. `data.select` may compute its column. */
export function specOf(changes: object): FeatureSpec {
  const input = { name: "s", fields: [{ name: "id", type: "categorical", servedAs: "given" }], ...changes };
  return parseWith(FeatureSpecSchema, input, "spec.json");
}

/** A CSV log whose records all differ: the id is the record's number. */
export function numberedLog(count: number): string {
  return `label,id\n${Array.from({ length: count }, (_, i) => `${i % 2},r${i}`).join("\n")}\n`;
}

/** Opens a log as a spec's `data` says. */
export function openLog(
  paths: string | string[],
  data: object = {},
  choice: Pick<Partial<ClickLogOptions>, "part" | "training" | "output"> = {},
): Promise<ClickLog> {
  const spec = specOf({ data });
  return ClickLog.open(paths, { data: spec.data, label: spec.label, ...choice });
}

/** The rows of a log: the values of these columns. */
export async function rowsOf(log: ClickLog, names: readonly string[]): Promise<unknown[][]> {
  const rows: unknown[][] = [];
  for await (const chunk of log.chunks(names)) {
    for (let row = 0; row < chunk.rows; row++) rows.push(names.map((_, c) => chunk.columns[c]?.[row]));
  }
  return rows;
}

/** Opens a log, reads its rows and closes it. */
export async function readRows(names: readonly string[], ...log: Parameters<typeof openLog>): Promise<unknown[][]> {
  await using opened = await openLog(...log);
  return await rowsOf(opened, names);
}

/** The place of each row of a log. */
export async function placesOf(log: ClickLog): Promise<string[]> {
  const places: string[] = [];
  for await (const chunk of log.chunks(["label"])) {
    for (let row = 0; row < chunk.rows; row++) places.push(await chunk.place(row));
  }
  return places;
}
