// Workers KV as a workerd of its own sees it, through a weather of faults; publishers see it as it is.
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { KvPair, KvStore } from "../../deploy/kv/kv-store.ts";
import { neverChanges } from "../../format/store.ts";
import { seeded } from "../format/random.ts";
import { CLEAR, type Damaged, delayIn, type Fault, readIn, type Stored, type Weather } from "./weather.ts";

/** How many earlier values of a key may be shown again. */
const EARLIER = 3;
const HOST = "127.0.0.1";

export class StormyKv implements KvStore, Stored {
  readonly #values = new Map<string, Buffer>();
  readonly #earlier = new Map<string, Buffer[]>();
  readonly #random: () => number;
  readonly #server: Server;
  /** Told of each value that is written. */
  onWrite: (key: string, value: Buffer) => void = () => {};
  #weather: Weather = CLEAR;
  /** Faults of the weather that no read has met with yet. */
  #due = new Set<Fault>();
  /** How often a read met with each fault. */
  readonly faults = new Map<Fault, number>();

  private constructor(seed: number) {
    this.#random = seeded(seed);
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  static async start(seed: number): Promise<StormyKv> {
    const kv = new StormyKv(seed);
    kv.#server.listen(0, HOST);
    await once(kv.#server, "listening");
    return kv;
  }

  /** Host and port, for a binding of workerd. */
  get address(): string {
    return `${HOST}:${(this.#server.address() as AddressInfo).port}`;
  }

  set weather(weather: Weather) {
    this.#weather = weather;
    this.#due = new Set((Object.keys(weather) as Fault[]).filter((fault) => weather[fault]));
  }

  value(key: string): Buffer | null {
    return this.#values.get(key) ?? null;
  }

  earlier(key: string): readonly Buffer[] {
    return this.#earlier.get(key) ?? [];
  }

  names(): readonly string[] {
    return [...this.#values.keys()];
  }

  async keys(prefix: string): Promise<Set<string>> {
    return new Set(this.names().filter((key) => key.startsWith(prefix)));
  }

  async texts(keys: readonly string[]): Promise<ReadonlyMap<string, string | null>> {
    return new Map(keys.map((key) => [key, this.#values.get(key)?.toString() ?? null]));
  }

  async bytes(key: string): Promise<Uint8Array | null> {
    return this.value(key);
  }

  async putTexts(pairs: readonly KvPair[]): Promise<void> {
    for (const { key, value } of pairs) this.#put(key, Buffer.from(value));
  }

  async putBytes(key: string, value: Uint8Array): Promise<void> {
    this.#put(key, Buffer.from(value.buffer, value.byteOffset, value.byteLength));
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.#values.delete(key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #put(key: string, value: Buffer): void {
    const before = this.#values.get(key);
    if (before && !neverChanges(key))
      this.#earlier.set(key, [...(this.#earlier.get(key) ?? []), before].slice(-EARLIER));
    this.#values.set(key, value);
    this.onWrite(key, value);
  }

  /** The two requests that a KV binding makes for what the Worker reads: one key, and several at once. */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", "http://kv");
    const bulk = pathname === "/bulk/get";
    const keys: string[] = bulk ? JSON.parse(await text(request)).keys : [decodeURIComponent(pathname.slice(1))];
    const wait = delayIn(this.#nextWeather(), this.#random);
    if (wait > 0) {
      this.#met("slow");
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
    const read = keys.map((key) => readIn(this.#nextWeather(), this, key, this.#random, (fault) => this.#met(fault)));
    if (read.some(({ ends }) => ends === "failed")) return void response.writeHead(500).end();
    if (!bulk) return send(response, read[0], null);
    const values = read.map(({ value }) => value?.toString() ?? null);
    const json = Buffer.from(JSON.stringify(Object.fromEntries(keys.map((key, i) => [key, values[i]]))));
    const ends = read.some((one) => one.ends === "broken") ? "broken" : "whole";
    send(response, { value: json, ends }, "application/json");
  }

  /** The weather that a read meets with: the first that can meet with a fault does, so that none is left to chance. */
  #nextWeather(): Weather {
    return { ...this.#weather, ...Object.fromEntries([...this.#due].map((fault) => [fault, 1])) };
  }

  #met(fault: Fault): void {
    this.#due.delete(fault);
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
  }
}

function send(response: ServerResponse, { value, ends }: Damaged, type: string | null): void {
  if (value === null) return void response.writeHead(404).end();
  response.writeHead(200, { "content-length": value.length, ...(type !== null && { "content-type": type }) });
  if (ends === "whole") response.end(value);
  else response.write(value.subarray(0, value.length >> 1), () => response.destroy());
}
