import { expect, test, vi } from "vitest";
import { SampledLog } from "../../../worker/http/sampled-log.ts";

test("an event of every request is a line a second, with the count since the last", () => {
  const spy = vi.spyOn(console, "log").mockImplementation(() => {});
  const clock = { ms: 1000 };
  const log = new SampledLog("degraded", () => clock.ms);
  for (let i = 0; i < 25; i++) {
    log.add({ rows: i });
    clock.ms += 100;
  }
  expect(spy.mock.calls.map(([line]) => JSON.parse(String(line)))).toEqual([
    { level: "info", event: "degraded", count: 1, rows: 0 },
    { level: "info", event: "degraded", count: 10, rows: 10 },
    { level: "info", event: "degraded", count: 10, rows: 20 },
  ]);
  spy.mockRestore();
});
