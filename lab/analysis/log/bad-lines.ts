import { FormatError, show } from "../../../format/errors.ts";
import { parseEvent } from "../../../format/event.ts";
import { parseExposure } from "../../../format/exposure.ts";
import { parseWrittenJson } from "../../../format/written-json.ts";
import { damageText, type FoundLine, findLines } from "./clean-lines.ts";
import type { LineDatabase } from "./line-database.ts";

/** A line that counts for nothing. */
export interface BadLine {
  /** Its file and line. */
  place: string;
  /** What was got, and what was expected. */
  problem: string;
}

interface BadRow {
  source: number;
  /** Its number among the source's lines that are not blank, from 0. */
  row: number;
  is_event: boolean;
  problem: string;
}

/** The first bad lines of each file, at most `most` in all. They are read again, and the schema says what is wrong. */
export async function nameBadLines(lines: LineDatabase, most: number): Promise<BadLine[]> {
  const rows = await lines.rows<BadRow>(
    `SELECT source, row - start AS row, is_event, problem FROM bad_line JOIN source_start USING (source)
     ORDER BY bad_line.row LIMIT ${most}`,
  );
  const placed = rows.map((bad) => ({ ...bad, ...lines.placeOf(bad.source, bad.row) }));
  const named: BadLine[] = [];
  for (const [path, own] of Map.groupBy(placed, ({ file }) => file)) {
    const found = await findLines(path, new Set(own.map(({ row }) => row)));
    for (const bad of own) {
      const line = found.get(bad.row);
      if (line) named.push({ place: `${path}, line ${line.number}`, problem: problemOf(line, bad) });
      // Only where the file is damaged has its copy a line that the file has not.
      else named.push({ place: path, problem: (await damageText(path)) ?? "got a line that is gone now" });
    }
  }
  return named;
}

function problemOf({ text, number }: FoundLine, { is_event, problem }: Pick<BadRow, "is_event" | "problem">): string {
  const source = `line ${number}`;
  try {
    parseWrittenJson(text, source);
    if (is_event) parseEvent(text, source);
    else parseExposure(text, source);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return error.message.replace(`${source}: `, "");
  }
  // The decoder put another character in the place of what is no text.
  return `got ${show(text)}, expected ${problem === "JSON" ? "JSON in UTF-8" : `another ${problem}`}`;
}
