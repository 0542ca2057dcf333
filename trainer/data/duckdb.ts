import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import {
  type DuckDBConnection,
  type DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBResult,
  ResultReturnType,
} from "@duckdb/node-api";
import type { UserError } from "../errors.ts";
import { toldFault } from "../io/system-fault.ts";
import { TemporaryFolder } from "../io/temporary.ts";
import { literal } from "./sql.ts";

/**
 * Memory that one database may use. Two are open while a log is encoded: one reads it, one counts its keys. What they
 * sort and group beyond this limit spills to their temporary folder.
 */
const DUCKDB_MEMORY_MIB = 512;

/** A DuckDB database in memory. It holds threads and memory until it is closed. */
export class DuckDb implements AsyncDisposable {
  static #openCount = 0;
  readonly #instance: DuckDBInstance;
  /** Where it spills: two databases that spill to one folder would write the same files. */
  readonly #spill: TemporaryFolder | null;
  readonly #temporary: string;
  /** For queries that end before the next one starts. */
  readonly connection: DuckDBConnection;
  #closed = false;

  private constructor(
    instance: DuckDBInstance,
    connection: DuckDBConnection,
    spill: TemporaryFolder | null,
    temporary: string,
  ) {
    this.#instance = instance;
    this.#spill = spill;
    this.#temporary = temporary;
    this.connection = connection;
    DuckDb.#openCount++;
  }

  /** How many databases of this process are open; 0 when everything that was opened has been closed. */
  static get openCount(): number {
    return DuckDb.#openCount;
  }

  /**
   * `temporary`: the folder in which it makes one to spill to. `files`: the only files that queries can read and write.
   * Nothing else is in reach of a query: no other file, no network, no extension that is not built in, no setting.
   */
  static async open(
    temporary = tmpdir(),
    files: readonly string[] = [],
    memoryMib = DUCKDB_MEMORY_MIB,
  ): Promise<DuckDb> {
    using opened = new DisposableStack();
    const spill = spillFolder(temporary);
    if (spill) opened.use(spill);
    const instance = await DuckDBInstance.create(":memory:", {
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
      memory_limit: `${memoryMib}MiB`,
      temp_directory: spill?.path ?? join(temporary, "deepfm-edge"),
    });
    const connection = await instance.connect();
    await connection.run(`SET allowed_paths = [${files.map((file) => literal(resolve(file))).join(", ")}]`);
    // A time stamp with a zone is UTC on every connection, whatever this machine's zone is.
    await connection.run("SET GLOBAL TimeZone = 'UTC'");
    await connection.run("SET enable_external_access = false");
    await connection.run("SET lock_configuration = true");
    const duckdb = new DuckDb(instance, connection, spill, temporary);
    opened.move(); // the database removes it from here on
    return duckdb;
  }

  /** Runs a statement. Throws UserError where the disk that it writes to was at fault. */
  async run(sql: string): Promise<void> {
    try {
      await this.connection.run(sql);
    } catch (error) {
      throw this.diskFault(error) ?? error;
    }
  }

  /** A query's rows in chunks, on a connection of its own, so that other queries may run meanwhile. */
  async *stream(sql: string): AsyncGenerator<DuckDBDataChunk> {
    const connection = await this.#instance.connect();
    try {
      const result = await connection.stream(sql);
      let reading = false; // whether the reader has a chunk, and may ask for no other
      try {
        while (true) {
          const chunk = await result.fetchChunk();
          if (chunk === null || chunk.rowCount === 0) break;
          reading = true;
          yield chunk;
          reading = false;
        }
        // Where a query fails behind its first chunks, the client gives its rows so far as if they were all.
        if (result.returnType === ResultReturnType.INVALID) throw await errorOf(connection, sql);
      } finally {
        if (reading) await abandon(connection, result);
      }
    } finally {
      connection.closeSync();
    }
  }

  /** The UserError to throw for one of DuckDB's, where the disk that it writes to was at fault; otherwise null. */
  diskFault(error: unknown): UserError | null {
    const { message } = error as Error;
    if (message.includes("max_temp_directory_size")) return toldFault(this.#temporary, "No space left on device");
    const written = /(?:Could not write file|Failed to create directory|Cannot open file) "(.*?)": (.*)/.exec(message);
    const [, path = "", reason = ""] = written ?? [];
    const isOurs = path.endsWith(".tmp") || !message.includes("Cannot open file");
    return written && isOurs ? toldFault(path, reason) : null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.connection.closeSync();
    this.#instance.closeSync();
    this.#spill?.[Symbol.dispose]();
    DuckDb.#openCount--;
  }
}

/** The error of a query that has failed, which the client does not tell: it is run again, and its rows let go of. */
async function errorOf(connection: DuckDBConnection, sql: string): Promise<unknown> {
  try {
    await connection.run(`SELECT max(hash(r)) FROM (${sql}) AS r`);
  } catch (error) {
    return error;
  }
  return new Error("DuckDB ended a query before its last row");
}

/** Null where it cannot be made: whoever never spills does not need it. */
function spillFolder(parent: string): TemporaryFolder | null {
  try {
    return new TemporaryFolder(parent, "duckdb");
  } catch {
    return null;
  }
}

/**
 * Ends a result before its last chunk. An unfinished result keeps the database alive, threads included, until it is
 * garbage collected; an interrupted one lets go once its few buffered chunks are fetched.
 */
async function abandon(connection: DuckDBConnection, result: DuckDBResult): Promise<void> {
  connection.interrupt();
  try {
    while ((await result.fetchChunk())?.rowCount);
  } catch {
    // The interruption, reported as an error.
  }
}
