// A Worker that logs lists with the log of the real one, through a queue into R2. Both fail as often as they are told.
//   POST /?step=log&times=N&from=I      logs lists I to I + N − 1, whose arms are at random
//   POST /?step=NAME&times=N            takes a step of making a line of 100 candidates
//   POST /?step=sink&down=1             the queue takes nothing; down=0: it fails in 10 % of all calls
//   POST /?step=report                  what became of the lines, and the names of R2's objects
//   POST /?step=object&key=NAME         the lines of an object
import { type Exposure, writeExposure } from "../../../format/exposure.ts";
import { writeFloats } from "../../../format/floats.ts";
import { toHex } from "../../../format/hash.ts";
import { readMacKeys } from "../../../format/mac.ts";
import { checkRequestId, makeRequestId } from "../../../format/request-id.ts";
import { exampleExposure } from "../../../testing/exposures/example-lines.ts";
import { ExposureLog } from "../../../worker/exposures/exposure-log.ts";
import type { LineSink } from "../../../worker/exposures/line-sink.ts";
import { LogSettingsReader } from "../../../worker/exposures/log-settings.ts";
import { queueSink } from "../../../worker/exposures/queue-sink.ts";
import { type LineBatch, storeBatch } from "../../../worker/exposures/store-batch.ts";
import { MemoryBudget } from "../../../worker/memory/memory-budget.ts";
import { expositionOf } from "../../../worker/metrics/exposition.ts";
import { settingsOf } from "../../../worker/settings/app-options.ts";

interface Env {
  EXPOSURES: Queue<Uint8Array>;
  EXPOSURE_LOGS: R2Bucket;
}

const FAULTS = 0.1;
const ARMS = ["origin", "lr", "deepfm"];
const CANDIDATES = 10;

/** A list with ids, logits and a seed of its own. The origin's arm has no logits, so that its lines are shorter. */
function variedLine(i: number): Exposure {
  const arm = ARMS[Math.floor(ARMS.length * Math.random())];
  const { logits, ...line } = exampleExposure(CANDIDATES, {
    ...{ id: String(i).padStart(30, "0"), t: Date.now(), arm },
    ...{ u: i.toString(16).padStart(16, "0"), seed: toHex(crypto.getRandomValues(new Uint8Array(16))) },
    cand: Array.from({ length: CANDIDATES }, (_, j) => String(Math.floor(1e7 * (j + 1 + Math.random())))),
  });
  if (arm === "origin") return { ...line, policy: null, p: "", lp: 0, served: "origin" };
  const random = Array.from({ length: CANDIDATES }, Math.random);
  return { ...line, logits: writeFloats(random), p: writeFloats(random.map((share) => Math.log(1 - share))) };
}

let isDown = false;
const sent = { calls: 0, failed: 0, messages: 0, bytes: 0 };

/** The real sink, with faults: half of the calls that fail have arrived all the same. */
function faultySink(queue: Queue<Uint8Array>): LineSink {
  const sink = queueSink({
    send: (body, options) => count([body]) ?? queue.send(body, options),
    sendBatch: (messages) => count(Array.from(messages, ({ body }) => body)) ?? queue.sendBatch(messages),
  });
  return {
    async send(kind, lines) {
      sent.calls++;
      const fault = Math.random();
      if (isDown || fault < FAULTS / 2) {
        sent.failed++;
        throw new Error("the queue is down");
      }
      await sink.send(kind, lines);
      if (fault >= FAULTS) return;
      sent.failed++;
      throw new Error("the queue's answer is lost");
    },
  };
}

function count(bodies: readonly Uint8Array[]): null {
  sent.messages += bodies.length;
  sent.bytes += bodies.reduce((sum, { length }) => sum + length, 0);
  return null;
}

let log: ExposureLog | null = null;

function logOf({ EXPOSURES }: Env): ExposureLog {
  const sink = faultySink(EXPOSURES);
  const settings = new LogSettingsReader(settingsOf({ exposureSink: () => sink }));
  log ??= new ExposureLog(settings, new MemoryBudget(Date.now), Date.now);
  return log;
}

const keys = readMacKeys("guards-nothing-".repeat(3), "SECRETS");
const hundred = exampleExposure(100, { x: "timed" });
const logits = Float32Array.from({ length: 100 }, (_, i) => Math.sin(i));
const encoder = new TextEncoder();

/** Only a request may make one. */
let signed: string | null = null;
function signedId(): string {
  signed ??= makeRequestId(keys, Date.now());
  return signed;
}

const STEPS: Record<string, () => unknown> = {
  nothing: () => null,
  "request id": () => makeRequestId(keys, Date.now()),
  "check of an id": () => checkRequestId(signedId(), keys, { now: Date.now(), maxAge: 1e12 }),
  "numbers as base64": () => [writeFloats(logits), writeFloats(logits.subarray(0, 10))],
  "line as bytes": () => encoder.encode(writeExposure(hundred)),
};

async function handle(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  const { searchParams } = new URL(request.url);
  const step = searchParams.get("step") ?? "";
  const [times, from] = [Number(searchParams.get("times")), Number(searchParams.get("from"))];
  if (step === "report") return report(env);
  if (step === "object") return storedLines(searchParams.get("key") ?? "", env);
  if (step === "sink") isDown = searchParams.get("down") === "1";
  else if (step === "log") {
    const log = logOf(env);
    for (let i = from; i < from + times; i++) {
      log.write(variedLine(i), env, (promise) => ctx.waitUntil(promise));
    }
  } else if (step === "log of 100") {
    const log = logOf(env);
    for (let i = 0; i < times; i++) log.write(hundred, env, (promise) => ctx.waitUntil(promise));
  } else for (let i = 0; i < times; i++) await STEPS[step]();
  return new Response();
}

async function storedLines(key: string, { EXPOSURE_LOGS }: Env): Promise<Response> {
  const object = await EXPOSURE_LOGS.get(key);
  return new Response(object ? object.body.pipeThrough(new DecompressionStream("gzip")) : null);
}

async function report({ EXPOSURE_LOGS }: Env): Promise<Response> {
  const { objects } = await EXPOSURE_LOGS.list();
  const metrics = log ? expositionOf(log.families()) : "";
  return Response.json({ metrics, sent, objects: objects.map(({ key, size }) => ({ key, size })) });
}

/** R2 fails in 10 % of all calls, too, half of them after it has written. */
async function queue(batch: LineBatch, { EXPOSURE_LOGS }: Env): Promise<void> {
  await storeBatch(batch, {
    async put(key, value) {
      const fault = Math.random();
      if (fault < FAULTS / 2) throw new Error("R2 is down");
      await EXPOSURE_LOGS.put(key, value);
      if (fault < FAULTS) throw new Error("R2's answer is lost");
    },
  });
}

export default { fetch: handle, queue };
