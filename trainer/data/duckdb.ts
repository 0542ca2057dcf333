import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";

/**
 * What a database may hold, of which there are two while a log is read: one reads, one counts. What they sort and group beyond
 * that goes to their temporary folder.
 */
export const DUCKDB_MEMORY_MIB = 512;

/** A database in memory that spills into `temporary`. Nothing is installed or loaded that is not built in. */
export function openDuckDb(temporary = join(tmpdir(), "deepfm-edge")): Promise<DuckDBInstance> {
  return DuckDBInstance.create(":memory:", {
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    memory_limit: `${DUCKDB_MEMORY_MIB}MiB`,
    temp_directory: temporary,
  });
}

/** Text as SQL. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A name as SQL. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
