import { FormatError } from "../../format/errors.ts";
import { isTextType } from "../../format/field-checks.ts";
import { fileNumberSql } from "./file-links.ts";
import type { LogColumn, Scan, ScanInput } from "./scan.ts";
import { identifier, literal } from "./sql.ts";

// Hive partitions: folders named key=value give columns.

/** The column in which DuckDB puts a file's name, in SQL text; where there are partitions, each scan has it. */
export const FILE_COLUMN = "\u0001file";

/** The option of DuckDB's readers that adds FILE_COLUMN. */
export function fileOption({ data }: ScanInput): string {
  return data.hive ? `, filename = ${literal(FILE_COLUMN)}` : "";
}

/** What a writer names a folder whose value is missing. */
const MISSING = "__HIVE_DEFAULT_PARTITION__";

/** A scan with the columns that the names of folders give, where `data.hive` asks for them. */
export function withPartitions(scan: Scan, { log, data }: ScanInput): Scan {
  if (!data.hive) return scan;
  const partitions = log.files.map(partitionsOf);
  const names = [...new Set(partitions.flatMap((own) => [...own.keys()]))];
  const lists = names.map((name) => {
    const values = partitions.map((own, i) => {
      const value = own.get(name);
      if (value === undefined) throw new FormatError(log.files[i], `got no folder ${name}=…, as other files have`);
      return value === null ? "NULL" : literal(value);
    });
    return `(CAST([${values.join(", ")}] AS VARCHAR[]))[${fileNumberSql(identifier(FILE_COLUMN))} + 1]`;
  });
  const texts = names.map((_, i) => identifier(`\u0001h${i}`));
  const types = new Map(Object.entries(data.types));
  const columns = names.map((name, i): LogColumn => {
    const type = types.get(name);
    if (type === undefined || isTextType(type)) return { name, sql: texts[i] };
    return { name, sql: `CAST(${texts[i]} AS ${type})`, cast: { from: texts[i], type }, made: type };
  });
  const added = lists.map((sql, i) => `, ${sql} AS ${texts[i]}`).join("");
  return {
    ...scan,
    columns: [...scan.columns, ...columns],
    relation: (files) => `(SELECT *${added} FROM ${scan.relation(files)})`,
  };
}

/** The keys and values of a file's folders. */
function partitionsOf(file: string): Map<string, string | null> {
  const folders = file.split(/[/\\]/).slice(0, -1);
  return new Map(
    folders.flatMap((folder) => {
      const [, name, value] = /^([^=]+)=(.*)$/s.exec(folder) ?? [];
      return name === undefined || value === undefined
        ? []
        : [[decoded(name), value === MISSING ? null : decoded(value)]];
    }),
  );
}

/** Writers escape what a folder's name cannot have as %XX. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
