import { expect, test } from "vitest";
import { FormatError, RequestError } from "../../../format/errors.ts";
import { placeBlob } from "../../../runtime/placed-blob.ts";
import { Scorer } from "../../../runtime/scorer.ts";
import { MAX_RECORDS } from "../../../worker/limits.ts";
import { MemoryBudget } from "../../../worker/memory/memory-budget.ts";
import { bestKernelModule } from "../../../worker/models/kernel-modules.ts";
import { throwFaults } from "../../../worker/scoring/request-faults.ts";
import { makeModel } from "../tiny-model.ts";

test("of more records than a request may have, those beyond are not looked at", async () => {
  const { blob } = await makeModel(1);
  const { manifest } = new Scorer(placeBlob(bestKernelModule().module, blob));
  let seen = 0;
  function* records(): Generator<object> {
    while (seen < 10 * MAX_RECORDS) yield seen++ === 1 || seen > MAX_RECORDS ? { other: 1 } : {};
  }
  const found = new FormatError("records", "got too many");
  const lease = new MemoryBudget(() => 0).lease("requests");
  const places = (): string[] => {
    try {
      throwFaults([found], { records: records() }, manifest, lease);
    } catch (error) {
      if (error instanceof RequestError) return error.all.map(({ place }) => place);
      throw error;
    }
  };
  expect(places()).toEqual(["records", "records[1].other"]);
  expect(seen).toBe(MAX_RECORDS + 1);
});
