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
  file: number;
  /** Its number among the file's lines that are not blank, from 0. */
  row: number;
  is_event: boolean;
  problem: string;
}

/** The first bad lines of each file, at most `most` in all. They are read again, and the schema says what is wrong. */
export async function nameBadLines(lines: LineDatabase, most: number): Promise<BadLine[]> {
  const rows = await lines.rows<BadRow>(
    `SELECT file, row - start AS row, is_event, problem FROM bad_line JOIN file_start USING (file)
     ORDER BY bad_line.row LIMIT ${most}`,
  );
  const named: BadLine[] = [];
  for (const file of new Set(rows.map((bad) => bad.file))) {
    const own = rows.filter((bad) => bad.file === file);
    const path = lines.files[file];
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

function problemOf({ text, number }: FoundLine, { is_event, problem }: BadRow): string {
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
