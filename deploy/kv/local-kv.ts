import { lstatSync, type Stats } from "node:fs";
import { dirname, join } from "node:path";
import { UserError } from "../../trainer/errors.ts";
import { systemFault } from "../../trainer/io/system-fault.ts";
import { endWorkerdsWithThisProcess } from "../children.ts";
import { QUIET } from "../wrangler.ts";
import { readWranglerConfig } from "../wrangler-config.ts";
import { BINDING } from "./binding.ts";
import { type KvPair, type KvStore, ValuesTooLarge } from "./kv-store.ts";

/** What is used of a KV binding. */
interface Namespace {
  get(keys: readonly string[]): Promise<Map<string, string | null>>;
  get(key: string, type: "arrayBuffer"): Promise<ArrayBuffer | null>;
  put(key: string, value: string | ArrayBuffer): Promise<void>;
  delete(key: string): Promise<void>;
  list(options: {
    prefix: string;
    cursor?: string;
  }): Promise<{ keys: { name: string }[] } & ({ list_complete: true } | { list_complete: false; cursor: string })>;
}

/** Milliseconds that workerd may take to start. It takes 1 s, and on a busy machine ten times as long. */
const START_MS = 120_000;
/** Values that are written or deleted at the same time. More are no faster. */
const AT_ONCE = 20;

/**
 * Opens the local KV that the binding MODELS of a configuration of wrangler names: the one of `wrangler dev`, in the
 * folder `persistTo` or else beside the configuration. `environment`: one of the configuration's. Throws UserError
 * where it cannot be opened.
 */
export async function openLocalKv(
  config: string,
  persistTo = join(dirname(config), ".wrangler", "state"),
  environment?: string,
): Promise<KvStore> {
  checkFolder(persistTo);
  await readWranglerConfig(config, environment); // which says better than workerd what is wrong with it
  Object.assign(process.env, QUIET);
  endWorkerdsWithThisProcess();
  const { getPlatformProxy } = await import("wrangler");
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`workerd did not start in ${START_MS / 1000} s`)), START_MS);
  const started = getPlatformProxy<Record<string, unknown>>({
    configPath: config,
    ...(environment !== undefined && { environment }),
    persist: { path: join(persistTo, "v3") }, // as `wrangler dev --persist-to` has it
    remoteBindings: false,
    envFiles: [],
  });
  const proxy = await Promise.race([started, late])
    .catch((error: Error) => {
      throw new UserError(`the local KV in ${persistTo} could not be opened: ${error.message}`, { cause: error });
    })
    .finally(() => clearTimeout(timer));
  const namespace = proxy.env[BINDING] as Namespace | undefined;
  if (namespace !== undefined) return new LocalKv(namespace, () => proxy.dispose());
  await proxy.dispose();
  throw new UserError(`${config}: got no kv_namespaces with the binding ${BINDING}, expected one`);
}

/** Throws UserError where a folder of the local KV is something else. */
export function checkFolder(path: string): void {
  let stats: Stats | undefined;
  try {
    stats = lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw systemFault(path, error); // something above it is a file
  }
  if (stats && !stats.isDirectory() && !stats.isSymbolicLink())
    throw new UserError(`${path}: got a file, expected a folder for the local KV`);
}

class LocalKv implements KvStore {
  readonly #namespace: Namespace;
  readonly #dispose: () => Promise<void>;

  constructor(namespace: Namespace, dispose: () => Promise<void>) {
    this.#namespace = namespace;
    this.#dispose = dispose;
  }

  async keys(prefix: string): Promise<Set<string>> {
    const found = new Set<string>();
    let cursor: string | undefined;
    do {
      const page = await this.#namespace.list({ prefix, ...(cursor !== undefined && { cursor }) });
      for (const { name } of page.keys) found.add(name);
      cursor = page.list_complete ? undefined : page.cursor;
    } while (cursor !== undefined);
    return found;
  }

  async texts(keys: readonly string[]): Promise<ReadonlyMap<string, string | null>> {
    try {
      return await this.#namespace.get(keys);
    } catch (error) {
      if (error instanceof Error && /exceeds the limit/.test(error.message)) throw new ValuesTooLarge(error.message);
      throw error;
    }
  }

  async bytes(key: string): Promise<Uint8Array | null> {
    const value = await this.#namespace.get(key, "arrayBuffer");
    return value && new Uint8Array(value);
  }

  async putTexts(pairs: readonly KvPair[]): Promise<void> {
    for (let i = 0; i < pairs.length; i += AT_ONCE)
      await Promise.all(pairs.slice(i, i + AT_ONCE).map(({ key, value }) => this.#namespace.put(key, value)));
  }

  async putBytes(key: string, value: Uint8Array): Promise<void> {
    await this.#namespace.put(key, new Uint8Array(value).buffer);
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (let i = 0; i < keys.length; i += AT_ONCE)
      await Promise.all(keys.slice(i, i + AT_ONCE).map((key) => this.#namespace.delete(key)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispose();
  }
}
