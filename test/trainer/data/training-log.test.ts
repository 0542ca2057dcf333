import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openHeldOutLog } from "../../../trainer/data/held-out-log.ts";
import { openTrainingLog } from "../../../trainer/data/training-log.ts";
import { testFolder, USER_AGE_SPEC, writerInto } from "./log-files.ts";

const folder = testFolder("training-log");
const file = writerInto(folder);
const cache = join(folder, "cache");
const spec = USER_AGE_SPEC;

describe("a training log becomes rows", () => {
  it("in the order of the file, rare values sharing the OOV row", async () => {
    const train = file("train.csv", "age,label,user\n20,1,u1\n20,0,u2\n70,1,u1\n,0,\n");
    const log = await openTrainingLog(spec, { paths: [train] }, cache);
    // Rows: 0 and 1 are OOV; then u1 (twice), the age 18–65, the age over 65, the missing age.
    expect(log.vocabulary.size).toBe(6);
    expect([...log.vocabulary.counts]).toEqual([2, 0, 2, 2, 1, 1]);
    const read = async (path: string) =>
      (await (await openHeldOutLog(spec, log, { paths: [path] }, cache)).chunks().next()).value;
    const again = await read(train);
    expect([...again.labels]).toEqual([1, 0, 1, 0]);
    expect([...again.rows]).toEqual([2, 3, 0, 3, 2, 4, 0, 5]);
    const valid = await read(file("valid.csv", "label,user,age\n1,u9,5\n0,u1,21\n"));
    expect([...valid.rows]).toEqual([0, 1, 2, 3]);
  });
});
