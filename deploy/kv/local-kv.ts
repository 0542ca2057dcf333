import { UserError } from "../../trainer/errors.ts";
import { toldFault } from "../../trainer/io/system-fault.ts";
import { type LocalBindings, openLocalBindings } from "../local-bindings.ts";
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

/** Values that are written or deleted at the same time. More are no faster. */
const AT_ONCE = 20;

/**
 * Opens the local KV that the binding MODELS of a configuration of wrangler names: the one of `wrangler dev`, in the
 * folder `persistTo` or else beside the configuration. `environment`: one of the configuration's. Throws UserError
 * where it cannot be opened.
 */
export async function openLocalKv(config: string, persistTo?: string, environment?: string): Promise<KvStore> {
  const bindings = await openLocalBindings("local KV", config, persistTo, environment);
  const namespace = bindings.env[BINDING] as Namespace | undefined;
  if (namespace !== undefined) return new LocalKv(namespace, bindings);
  await bindings[Symbol.asyncDispose]();
  throw new UserError(`${config}: got no kv_namespaces with the binding ${BINDING}, expected one`);
}

class LocalKv implements KvStore {
  readonly #namespace: Namespace;
  readonly #bindings: LocalBindings;

  constructor(namespace: Namespace, bindings: LocalBindings) {
    this.#namespace = namespace;
    this.#bindings = bindings;
  }

  async keys(prefix: string): Promise<Set<string>> {
    const found = new Set<string>();
    let cursor: string | undefined;
    do {
      const page = await this.#told(this.#namespace.list({ prefix, ...(cursor !== undefined && { cursor }) }));
      for (const { name } of page.keys) found.add(name);
      cursor = page.list_complete ? undefined : page.cursor;
    } while (cursor !== undefined);
    return found;
  }

  async texts(keys: readonly string[]): Promise<ReadonlyMap<string, string | null>> {
    try {
      return await this.#told(this.#namespace.get(keys));
    } catch (error) {
      if (error instanceof Error && /exceeds the limit/.test(error.message)) throw new ValuesTooLarge(error.message);
      throw error;
    }
  }

  async bytes(key: string): Promise<Uint8Array | null> {
    const value = await this.#told(this.#namespace.get(key, "arrayBuffer"));
    return value && new Uint8Array(value);
  }

  async putTexts(pairs: readonly KvPair[]): Promise<void> {
    for (let i = 0; i < pairs.length; i += AT_ONCE)
      await this.#told(
        Promise.all(pairs.slice(i, i + AT_ONCE).map(({ key, value }) => this.#namespace.put(key, value))),
      );
  }

  async putBytes(key: string, value: Uint8Array): Promise<void> {
    await this.#told(this.#namespace.put(key, new Uint8Array(value).buffer));
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (let i = 0; i < keys.length; i += AT_ONCE)
      await this.#told(Promise.all(keys.slice(i, i + AT_ONCE).map((key) => this.#namespace.delete(key))));
  }

  /** What is done, where the files behind the namespace let it. Throws UserError where they do not. */
  async #told<T>(done: Promise<T>): Promise<T> {
    try {
      return await done;
    } catch (error) {
      if (!(error instanceof Error) || !/ failed: 5\d\d |SQLITE_/.test(error.message)) throw error;
      const { folder } = this.#bindings;
      const problem = `the local KV in ${folder}: ${error.message}; is its disk full, or does another program write there?`;
      throw toldFault(folder, error.message) ?? new UserError(problem, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bindings[Symbol.asyncDispose]();
  }
}
