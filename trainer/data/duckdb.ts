import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DuckDBConnection, type DuckDBDataChunk, DuckDBInstance, type DuckDBResult } from "@duckdb/node-api";

/**
 * Memory that one database may use. Two are open while a log is encoded: one reads it, one counts its keys. What they
 * sort and group beyond this limit spills to their temporary folder.
 */
export const DUCKDB_MEMORY_MIB = 512;

/** A DuckDB database in memory. It holds threads and memory until it is closed. */
export class DuckDb implements AsyncDisposable {
  static #openCount = 0;
  readonly #instance: DuckDBInstance;
  /** For queries that end before the next one starts. */
  readonly connection: DuckDBConnection;
  #closed = false;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.connection = connection;
    DuckDb.#openCount++;
  }

  /** How many databases of this process are open; 0 when everything that was opened has been closed. */
  static get openCount(): number {
    return DuckDb.#openCount;
  }

  /** `temporary`: the folder to spill to. Extensions that are not built in are neither installed nor loaded. */
  static async open(temporary = join(tmpdir(), "deepfm-edge")): Promise<DuckDb> {
    const instance = await DuckDBInstance.create(":memory:", {
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
      memory_limit: `${DUCKDB_MEMORY_MIB}MiB`,
      temp_directory: temporary,
    });
    return new DuckDb(instance, await instance.connect());
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
          if (chunk === null || chunk.rowCount === 0) return;
          reading = true;
          yield chunk;
          reading = false;
        }
      } finally {
        if (reading) await abandon(connection, result);
      }
    } finally {
      connection.closeSync();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.connection.closeSync();
    this.#instance.closeSync();
    DuckDb.#openCount--;
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
