import * as v from "valibot";
import { UserError } from "../../trainer/errors.ts";
import type { AccountNamespace } from "./account.ts";
import { ApiError, type CloudflareApi } from "./cloudflare-api.ts";
import { type KvPair, type KvStore, ValuesTooLarge } from "./kv-store.ts";

// https://developers.cloudflare.com/api/resources/kv

/** Keys of one page of a list, the most that the API gives. */
const LISTED = 1000;
/** How often a bulk write sends again what KV did not take. */
const ATTEMPTS = 3;

const KeysSchema = v.array(v.object({ name: v.string() }));
const ValuesSchema = v.object({ values: v.record(v.string(), v.nullable(v.string())) });
const WrittenSchema = v.nullish(v.object({ unsuccessful_keys: v.optional(v.array(v.string()), []) }));

/** Workers KV of an account. */
export class AccountKv implements KvStore {
  readonly #api: CloudflareApi;
  readonly #path: string;

  constructor({ api, account, id }: AccountNamespace) {
    this.#api = api;
    this.#path = `accounts/${account}/storage/kv/namespaces/${id}`;
  }

  async keys(prefix: string): Promise<Set<string>> {
    const found = new Set<string>();
    let cursor = "";
    do {
      const query = new URLSearchParams({ limit: String(LISTED), prefix, ...(cursor && { cursor }) });
      const page = await this.#api.call("GET", `${this.#path}/keys?${query}`, KeysSchema);
      for (const { name } of page.result) found.add(name);
      cursor = page.cursor;
    } while (cursor !== "");
    return found;
  }

  async texts(keys: readonly string[]): Promise<ReadonlyMap<string, string | null>> {
    try {
      const { result } = await this.#api.call("POST", `${this.#path}/bulk/get`, ValuesSchema, { keys, type: "text" });
      return new Map(Object.entries(result.values));
    } catch (error) {
      if (error instanceof ApiError && error.status === 413) throw new ValuesTooLarge(error.message);
      throw error;
    }
  }

  async bytes(key: string): Promise<Uint8Array | null> {
    try {
      return await this.#api.send("GET", this.#valuePath(key));
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  }

  async putTexts(pairs: readonly KvPair[]): Promise<void> {
    let left = pairs;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const { result } = await this.#api.call("PUT", `${this.#path}/bulk`, WrittenSchema, left);
      const failed = new Set(result?.unsuccessful_keys);
      left = left.filter(({ key }) => failed.has(key));
      if (left.length === 0) return;
    }
    throw new UserError(`KV did not take ${left.length} of ${pairs.length} values, ${left[0]?.key} among them`);
  }

  async delete(keys: readonly string[]): Promise<void> {
    let left = keys;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const { result } = await this.#api.call("POST", `${this.#path}/bulk/delete`, WrittenSchema, left);
      left = result?.unsuccessful_keys ?? [];
      if (left.length === 0) return;
    }
    throw new UserError(`KV did not delete ${left.length} of ${keys.length} keys, ${left[0]} among them`);
  }

  async putBytes(key: string, value: Uint8Array): Promise<void> {
    await this.#api.send("PUT", this.#valuePath(key), { body: value, type: "application/octet-stream" });
  }

  #valuePath(key: string): string {
    return `${this.#path}/values/${encodeURIComponent(key)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
