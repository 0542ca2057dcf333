// What holds for kernels that are given JSON: whatever the text is, and whatever the host has written over the buffers
// in between, no call traps, writes beyond its buffers or takes a second, and all builds make the same of it.
import type { ModelBlob } from "../../format/blob.ts";
import * as abi from "../../runtime/abi.ts";
import { encoderPlan } from "../../runtime/encoder-plan.ts";
import { integer, pick } from "../format/random.ts";
import type { KernelExports } from "../kernel/harness.ts";
import { damagedJson } from "./damage-json.ts";
import { expect, timed } from "./expect.ts";

type Random = () => number;

const VALUES = ["a", "", 7, -1, 1.5, true, null, "é", 'b"', 1e21, ["a", "b"], "x".repeat(70)];
const MOST_RECORDS = 3;

/** Checks kernels that have the blob of a model. */
export function checkJson(kernels: readonly KernelExports[], { spec, pageDigests }: ModelBlob, random: Random): void {
  const plan = encoderPlan(spec, pageDigests.length > 0);
  if (plan === null) return;
  const fields = spec.fields.length;
  const list = Array.from({ length: integer(random, 1, MOST_RECORDS) }, () =>
    Object.fromEntries(spec.fields.map(({ name }) => [name, pick(random, VALUES)])),
  );
  const whole = JSON.stringify(list).slice(1, -1);
  const right = new TextEncoder().encode(whole);
  const bytes = (random() < 0.5 ? right : damagedJson(right, random)).subarray(0, abi.TEXT_BYTES);
  const spoiltOffset = random() < 0.5 ? integer(random, 0, MOST_RECORDS * fields) : -1;
  const spoil = Math.floor(2 ** 32 * random());
  const outcomes = kernels.map((kernel) => {
    const address = kernel.reservePlan(plan.columns, plan.bytes.length);
    expect(address > 0, "no memory for the plan");
    const { buffer } = kernel.memory;
    new Uint8Array(buffer, address).set(plan.bytes);
    kernel.usePlan(plan.isKeyed);
    new Uint8Array(buffer, kernel.textAddress()).set(bytes);
    const unseen = new Uint32Array(buffer, kernel.unseenAddress(), fields).fill(0);
    const count = timed("encodeJson", () => kernel.encodeJson(0, bytes.length, abi.MAX_BATCH, abi.ANY_SIDE));
    const isWithin = count === 0 || (count <= abi.MAX_BATCH && kernel.encodedEnd() <= bytes.length);
    expect(isWithin, `${count} records up to ${kernel.encodedEnd()} of ${bytes.length}`);
    const offsets = new Uint32Array(buffer, kernel.offsetsAddress(), abi.MAX_BATCH * fields + 1);
    if (spoiltOffset >= 0) offsets[spoiltOffset] = spoil;
    const absent = timed("locateEncoded", () => kernel.locateEncoded());
    const code = timed("score", () => kernel.score(count));
    expect(kernel.memory.buffer === buffer, "memory grew for a record");
    // What a spoilt offset leads to is anything, within the buffers.
    if (count === 0 || spoiltOffset >= 0) return String(count);
    const entries = offsets[count * fields] as number;
    const rows = new Uint32Array(buffer, kernel.rowAddresses(), entries);
    const zeros = rows.filter((row) => row === 0).length;
    expect(zeros === absent, `${absent} rows are not in the blob, but ${zeros} addresses are 0`);
    if (absent === 0 && plan.hostColumns.every((column) => column < 0))
      expect(code === abi.CALL_OK, `records whose rows are all there give ${code}`);
    const first = kernel.rowsAddress();
    const found = [...rows].map((row) => (row === 0 ? 0 : row - first));
    return [count, kernel.encodedNext(), absent, kernel.locatedInBlob(), code, ...unseen, ...found].join();
  });
  for (const outcome of outcomes)
    expect(outcome === outcomes[0], `of ${new TextDecoder().decode(bytes)}: ${outcome}, and ${outcomes[0]}`);
}
