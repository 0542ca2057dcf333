import { expect, test } from "vitest";
import { seeded } from "../../../testing/format/random.ts";
import { BODY_LEASE_MS, MEMORY, REQUEST_LEASE_MS } from "../../../worker/limits.ts";
import { type Lease, MemoryBudget } from "../../../worker/memory/memory-budget.ts";
import { OverloadedError } from "../../../worker/memory/overloaded-error.ts";

const MIB = 2 ** 20;

test("the shares add up to the budget, which an isolate of 128 MB has room for", () => {
  expect(MEMORY.models + MEMORY.minRows + MEMORY.requests).toBe(MEMORY.total);
  expect(MEMORY.total).toBeLessThan(128e6);
  expect(MEMORY.oneRequest).toBeLessThan(MEMORY.requests);
  expect(MEMORY.minRows).toBeLessThan(MEMORY.maxRows);
});

test("no order of leases takes more than the shares, and all comes back", () => {
  const random = seeded(3);
  const clock = { ms: 0 };
  const budget = new MemoryBudget(() => clock.ms);
  let rows = 0;
  const setRows = (bytes: number): void => {
    rows = bytes;
    budget.setRows(bytes);
  };
  budget.trimRowsWith((maxBytes) => setRows(Math.min(rows, maxBytes)));
  const leases: Lease[] = [];
  let refused = 0;
  for (let i = 0; i < 3000; i++) {
    clock.ms += 1;
    const share = random() < 0.1 ? "models" : "requests";
    if (random() < 0.4) leases.push(budget.lease(share));
    const lease = leases[Math.floor(random() * leases.length)];
    if (!lease) continue;
    try {
      if (random() < 0.3) lease.end();
      else lease.resize(Math.floor(random() * 30 * MIB * random() ** 4));
    } catch {
      refused++;
    }
    setRows(Math.floor(random() * budget.maxRowBytes));
    const { taken } = budget.report();
    expect(taken.requests).toBeLessThanOrEqual(MEMORY.requests);
    expect(taken.models).toBeLessThanOrEqual(MEMORY.models);
    expect(taken.models + taken.rows + taken.requests).toBeLessThanOrEqual(MEMORY.total);
  }
  expect(refused).toBeGreaterThan(30);
  for (const lease of leases) lease.end();
  setRows(0);
  expect(budget.report()).toMatchObject({ taken: { models: 0, rows: 0, requests: 0 }, refused });
  expect(budget.report().peak).toBeLessThanOrEqual(MEMORY.total);
});

test("what can never fit is told from what does not fit now", () => {
  const budget = new MemoryBudget(Date.now);
  const lease = budget.lease("requests");
  expect(() => lease.resize(MEMORY.oneRequest + 1)).toThrow(
    expect.objectContaining({ never: true, message: expect.stringContaining(`at most ${MEMORY.oneRequest}`) }),
  );
  budget.lease("requests").resize(20 * MIB);
  expect(() => lease.resize(9 * MIB)).toThrow(
    expect.objectContaining({ never: false, message: expect.stringContaining(`the ${8 * MIB} that are free now`) }),
  );
  expect(lease.bytes).toBe(0);
});

test("large requests leave room for small ones", () => {
  const budget = new MemoryBudget(Date.now);
  budget.lease("requests").resize(MEMORY.oneRequest);
  expect(() => budget.lease("requests").resize(MEMORY.smallRequest + 1)).toThrow("that takes");
  for (let i = 0; i < (MEMORY.requests - MEMORY.oneRequest) / MEMORY.smallRequest; i++)
    budget.lease("requests").resize(MEMORY.smallRequest);
  expect(() => budget.lease("requests").resize(1)).toThrow("that takes 1 bytes of memory");
});

test("pages that are being read leave that room too, however few they are", () => {
  const budget = new MemoryBudget(Date.now);
  for (let i = 0; i < MEMORY.oneRequest / MEMORY.smallRequest; i++)
    expect(budget.lease("requests", true).tryResize(MEMORY.smallRequest)).toBe(true);
  expect(budget.lease("requests", true).tryResize(1)).toBe(false);
  expect(budget.lease("requests").tryResize(MEMORY.smallRequest)).toBe(true);
});

test("memory of a request that the runtime has dropped is given to others after a while", () => {
  const clock = { ms: 0 };
  const budget = new MemoryBudget(() => clock.ms);
  budget.lease("requests").resize(20 * MIB);
  clock.ms += REQUEST_LEASE_MS - 1;
  const later = budget.lease("requests");
  expect(() => later.resize(20 * MIB)).toThrow();
  clock.ms += 1;
  later.resize(20 * MIB);
  expect(budget.report().taken.requests).toBe(20 * MIB);
});

test("memory of a body that nobody sends any more is given to others sooner, whatever else is under way", () => {
  const clock = { ms: 0 };
  const budget = new MemoryBudget(() => clock.ms);
  budget.lease("requests").resize(2 * MIB);
  const body = budget.lease("requests");
  body.lasts(BODY_LEASE_MS);
  body.resize(20 * MIB);
  clock.ms += BODY_LEASE_MS;
  budget.lease("requests").resize(20 * MIB);
  expect(budget.report().taken.requests).toBe(22 * MIB);
});

test("what a lease holds is given back when the lease ends, by itself or for another, and once", () => {
  const clock = { ms: 0 };
  const budget = new MemoryBudget(() => clock.ms);
  const given: string[] = [];
  {
    using lease = budget.lease("requests");
    lease.resize(1);
    lease.defer(() => given.push("own"));
    lease.refuseEnded();
  }
  expect(given).toEqual(["own"]);

  const dropped = budget.lease("requests");
  dropped.resize(20 * MIB);
  dropped.defer(() => given.push("dropped"));
  clock.ms += REQUEST_LEASE_MS;
  budget.lease("requests").resize(20 * MIB);
  expect(given).toEqual(["own", "dropped"]);
  expect(() => dropped.refuseEnded()).toThrow(OverloadedError);
  dropped.end();
  expect(given).toHaveLength(2);
  // What it is to hold after that is given back at once.
  expect(() => dropped.defer(() => given.push("late"))).toThrow(OverloadedError);
  expect(given).toEqual(["own", "dropped", "late"]);
});

test("a model that lacks memory has others evicted first, of which it says how many bytes it lacks", () => {
  const budget = new MemoryBudget(Date.now);
  const other = budget.lease("models");
  other.resize(40 * MIB);
  const lacks: number[] = [];
  budget.evictModelsWith((bytes) => {
    lacks.push(bytes);
    if (lacks.length > 1) other.end();
  });
  const lease = budget.lease("models");
  lease.resize(12 * MIB);
  expect(() => lease.resize(20 * MIB)).toThrow(`takes ${20 * MIB} bytes of memory, expected at most the ${12 * MIB}`);
  lease.resize(20 * MIB);
  expect(lacks).toEqual([8 * MIB, 8 * MIB]);
  expect(budget.report().taken.models).toBe(20 * MIB);
});

test("a sum beyond the budget is a defect, told where it is counted", () => {
  const budget = new MemoryBudget(Date.now);
  budget.lease("models").resize(MEMORY.models);
  budget.lease("requests").resize(MEMORY.oneRequest);
  budget.setRows(MEMORY.minRows + MEMORY.requests - MEMORY.oneRequest);
  expect(() => budget.setRows(MEMORY.maxRows)).toThrow(`expected at most ${MEMORY.total}`);
});
