import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { chooseLogs, namedLater, scoredPart } from "../../../trainer/data/logs.ts";
import { UserError } from "../../../trainer/errors.ts";
import { numberedLog, specOf, testFolder, writerInto } from "./log-files.ts";

const folder = testFolder("logs");
const file = writerInto(folder);
const [day1, day2] = [file("1.csv", numberedLog(10)), file("2.csv", numberedLog(10))];
const whole = specOf({});
const dividedBy = (changes: object = {}) => specOf({ data: { split: { kind: "random", ...changes } } });
const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
afterEach(() => stderr.mockClear());
const said = (): string => stderr.mock.calls.join("");

describe("what is scored of a log", () => {
  it("is the part for the test where the spec divides it, else the part for validation", () => {
    expect(scoredPart(dividedBy(), [day1])).toEqual({ paths: [day1], part: "test" });
    expect(scoredPart(dividedBy({ test: 0 }), [day1])).toEqual({ paths: [day1], part: "valid" });
  });
  it("is all of it where no spec divides it, or all is asked for", () => {
    expect(scoredPart(whole, [day1])).toEqual({ paths: [day1] });
    expect(scoredPart(null, [day1])).toEqual({ paths: [day1] });
    expect(scoredPart(dividedBy(), [day1], "all")).toEqual({ paths: [day1] });
  });
  it("is the part that is asked for, if there is one", () => {
    expect(scoredPart(dividedBy(), [day1], "train")).toEqual({ paths: [day1], part: "train" });
    expect(() => scoredPart(whole, [day1], "train")).toThrow(UserError);
    expect(() => scoredPart(dividedBy({ test: 0 }), [day1], "test")).toThrow("leaves no record for the test");
  });
});

describe("a log that is named after a training", () => {
  const trained = { paths: [day1, day2], part: "valid" } as const;
  it("is the part asked for where the training divided it, under whatever name", () => {
    const link = join(folder, "link.csv");
    symlinkSync(day1, link);
    expect(namedLater(dividedBy(), () => trained, [link, day2], "valid")).toEqual({
      paths: [link, day2],
      part: "valid",
    });
    expect(said()).toContain("data.split divided it for the training; its part for valid is used");
  });
  it("is taken whole where the training did not have it, or divided none", () => {
    const other = file("3.csv", numberedLog(10));
    expect(namedLater(dividedBy(), () => trained, [other], "valid")).toEqual({ paths: [other] });
    expect(namedLater(dividedBy(), () => ({ paths: [day1] }), [day1], "valid")).toEqual({ paths: [day1] });
    expect(namedLater(dividedBy(), () => ({ ...trained, paths: ["gone.csv"] }), [day1], "valid")).toEqual({
      paths: [day1],
    });
    expect(said()).toBe("");
  });
  it("is refused where it has some of the training's files, which would be divided otherwise", () => {
    expect(() => namedLater(dividedBy(), () => trained, [day2], "valid")).toThrow(
      `${day2}: got a part of the files that data.split divided for the training, expected all of them (${day1}, ${day2})`,
    );
    expect(() => namedLater(dividedBy(), () => trained, [day2, day1], "valid")).toThrow(UserError);
  });
});

describe("logs for each purpose", () => {
  it("are read whole, which is said where the spec has a split", () => {
    const names = { train: [day1], valid: [day2] };
    chooseLogs(names, whole);
    expect(said()).toBe("");
    expect(chooseLogs(names, dividedBy())).toEqual({ train: { paths: [day1] }, valid: { paths: [day2] }, test: null });
    expect(said()).toContain("data.split is not used");
  });
});
