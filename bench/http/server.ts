// The Worker of a checkout as wrangler would upload it, in a workerd of its own over KV in another process, so that
// the process's time is the Worker's.
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { wrangler } from "../../deploy/wrangler.ts";
import { compatibilityDate } from "../../testing/attack/bundle.ts";
import { Workerd } from "../../testing/attack/workerd.ts";
import { importFrom } from "../checkout.ts";
import { limitCachedRows } from "./cached-rows.ts";
import { firstModels } from "./first-model.ts";
import { type BenchKv, type KvReads, startBenchKv } from "./kv.ts";
import { HTTP_SHAPES, type HttpModel } from "./model.ts";

type ModelModule = typeof import("./model.ts");

const MODELS = "bench/http/model.ts";

export interface BenchServer extends AsyncDisposable {
  url: URL;
  /** The process id of its workerd. */
  pid: number;
}

/** A checkout whose Worker is measured, with its own models. */
export class Checkout {
  readonly models: readonly HttpModel[];
  readonly #kvPairs: Map<string, string | Uint8Array>;
  readonly #bundle: string;

  private constructor(models: readonly HttpModel[], pairs: Map<string, string | Uint8Array>, bundle: string) {
    this.models = models;
    this.#kvPairs = pairs;
    this.#bundle = bundle;
  }

  /** `folder`: another checkout, with its node_modules and build; null: this one. `bundle`: where its Worker is put. */
  static async open(folder: string | null, shape: string, names: readonly string[], bundle: string): Promise<Checkout> {
    const { httpModel, kvPairs } = await modelsOf(folder);
    const models: HttpModel[] = [];
    for (const [i, name] of names.entries()) models.push(await httpModel(HTTP_SHAPES[shape], name, i + 1));
    await bundleWorker(folder, bundle);
    return new Checkout(models, kvPairs(models), bundle);
  }

  /** The same with a Worker that keeps so many bytes of rows. `bundle`: where it is put. */
  withCachedRows(bytes: number, bundle: string): Checkout {
    cpSync(this.#bundle, bundle, { recursive: true });
    limitCachedRows(bundle, bytes);
    return new Checkout(this.models, this.#kvPairs, bundle);
  }

  /** Starts Workers KV with its models. */
  startKv(reads: KvReads): Promise<BenchKv> {
    return startBenchKv(this.#kvPairs, reads);
  }

  /** Starts its Worker over that. `rowDeadlineMs`: ROW_DEADLINE_MS. */
  start(kv: BenchKv, rowDeadlineMs: number): Promise<BenchServer> {
    return startBundle(this.#bundle, kv, rowDeadlineMs);
  }
}

/** How a checkout makes models. */
async function modelsOf(folder: string | null): Promise<Pick<ModelModule, "httpModel" | "kvPairs">> {
  if (folder === null) return await import("./model.ts");
  if (existsSync(join(folder, MODELS))) return await importFrom<ModelModule>(folder, MODELS);
  return await firstModels(folder);
}

/** Starts the Worker that `bundleWorker` has put into a folder. `quiet`: whether its errors are expected. */
export function startBundle(
  bundle: string,
  { address }: BenchKv,
  rowDeadlineMs: number,
  quiet = false,
): Promise<BenchServer> {
  const texts = { AUTH: "off", MODEL_KEYS: "", ROW_DEADLINE_MS: String(rowDeadlineMs) };
  return startIn(bundle, texts, { MODELS: address }, quiet);
}

/** Starts it with experiments, whose lines go to a queue. `texts`: their settings. */
export function startWithExperiments(
  bundle: string,
  { address }: BenchKv,
  texts: Readonly<Record<string, string>>,
  queue: string,
): Promise<BenchServer> {
  return startIn(bundle, { AUTH: "off", MODEL_KEYS: "", ...texts }, { MODELS: address }, false, { EXPOSURES: queue });
}

/** Starts a Worker of a folder: its index.js, and its modules of WebAssembly. */
export function startFolder(folder: string): Promise<BenchServer> {
  return startIn(folder, {}, {});
}

/** Starts a Worker of one script. */
export async function startScript(script: string): Promise<BenchServer> {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-http-"));
  writeFileSync(join(folder, "index.js"), script);
  const workerd = await startFolder(folder);
  return {
    url: workerd.url,
    pid: workerd.pid,
    async [Symbol.asyncDispose]() {
      await workerd[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Bundles the Worker of a checkout, with its packages and its configuration; null: of this one. */
export async function bundleWorker(folder: string | null, bundle: string): Promise<void> {
  const args = ["deploy", "--dry-run", "--outdir", bundle];
  if (folder === null) await wrangler(args);
  else await wrangler(args, resolve(folder, "wrangler.toml"), resolve(folder));
}

function startIn(
  bundle: string,
  texts: Record<string, string>,
  kvNamespaces: Record<string, string>,
  quiet = false,
  queues: Record<string, string> = {},
): Promise<Workerd> {
  return Workerd.start({
    bundle: { folder: bundle, compatibilityDate: compatibilityDate() },
    v8Flags: [],
    texts,
    kvNamespaces,
    queues,
    onLog: (level, message) => {
      if (level === "error" && !quiet) console.error(message);
    },
  });
}
