import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { experimentsKey, payloadKey, writeExperimentsPointer } from "../../../format/experiments-pointer.ts";
import { checkExposure, type Exposure, writeExposure } from "../../../format/exposure.ts";
import { sha256, toHex } from "../../../format/hash.ts";
import { generateToken } from "../../../format/tokens.ts";
import { seedRandomBytes } from "../../../testing/format/seeded-bytes.ts";
import type { ExposureSink } from "../../../worker/experiments/exposure-sink.ts";
import { startWorker, type TestBindings, type TestWorker } from "../client.ts";

/** Two secrets, as one is rotated in before another. */
export const SECRETS = secrets();

/** The same ones in each run, and so are the tags that they make. */
function secrets(): readonly [string, string] {
  using _bytes = seedRandomBytes(1);
  return [generateToken(), generateToken()];
}

/** A list of lines, which are what they are once they were written and read. */
export class Lines implements ExposureSink {
  readonly lines: Exposure[] = [];

  write(line: Exposure): void {
    this.lines.push(checkExposure(JSON.parse(writeExposure(line))));
  }

  /** The only line since the last call. */
  takeOne(): Exposure {
    const lines = this.lines.splice(0);
    expect(lines).toHaveLength(1);
    return lines[0] as Exposure;
  }
}

/** A Worker that has experiments and a log of exposures. */
export function startExperiments(overrides: TestBindings = {}): TestWorker & { log: Lines } {
  const log = new Lines();
  const bindings = { EXPERIMENT_SECRETS: SECRETS[0], ...overrides };
  return Object.assign(startWorker(bindings, { exposures: log }), { log });
}

let pointers = 0;

/** Stores a payload, and lets the pointer name it, as a later one than all before. */
export async function publishPayload(payload: object | string): Promise<string> {
  const bytes = new TextEncoder().encode(typeof payload === "string" ? payload : JSON.stringify(payload));
  const hash = toHex(await sha256(bytes));
  await env.MODELS.put(payloadKey(hash), bytes);
  await env.MODELS.put(experimentsKey(), writeExperimentsPointer({ payload: hash, since: ++pointers }));
  return hash;
}

/** The feature of a list with one experiment, all of whose units are hashed by `user`. */
export function listOf(variations: readonly object[], rule: object = {}): object {
  const meta = variations.map((_, i) => ({ key: String(i) }));
  return {
    defaultValue: null,
    rules: [
      {
        key: "ranker",
        seed: "ranker:1",
        hashAttribute: "site",
        hashVersion: 2,
        coverage: 1,
        meta,
        variations,
        ...rule,
      },
    ],
  };
}
