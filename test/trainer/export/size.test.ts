// A model that no blob could hold is refused before it is trained.
import { describe, expect, it } from "vitest";
import type { ModelType } from "../../../format/spec.ts";
import { checkBlobSize } from "../../../trainer/export/size.ts";
import { tinySpec } from "../tiny.ts";

describe("a model is refused before its training", () => {
  it.each<[ModelType, number, number]>([
    ["FM & DNN", 129, 258],
    ["FNN", 256, 257],
  ])("where its rows are longer than a blob's: %s of %i", (type, embeddingDim, numbers) => {
    expect(() => checkBlobSize(tinySpec({ type, embeddingDim, hidden: [4] }), "int8")).toThrow(
      `tiny: model.embeddingDim: got ${embeddingDim}, which makes rows of ${numbers} numbers in the model ${type}, ` +
        "expected at most 256",
    );
    checkBlobSize(tinySpec({ type, embeddingDim: embeddingDim - 1, hidden: [4] }), "int8");
  });

  it("where its first layer has more inputs than a blob's", () => {
    const base = tinySpec({ type: "OPNN", embeddingDim: 256, hidden: [1] });
    // F vectors of 256 numbers, and the 256·257/2 outer products.
    const of = (fields: number) => ({
      ...base,
      fields: Array.from({ length: fields }, (_, f) => ({ ...base.fields[0], name: `f${f}` })) as typeof base.fields,
    });
    expect(() => checkBlobSize(of(128), "int8")).toThrow(
      "tiny: got a first layer of 65664 inputs in the model OPNN, expected at most 65536: fewer fields, or a smaller " +
        "embeddingDim",
    );
    checkBlobSize(of(127), "int8");
  });

  it("where its layers take more bytes than a blob has", () => {
    expect(() => checkBlobSize(tinySpec({ hidden: [8192, 8192] }), "int8")).toThrow(
      /^tiny: got a blob of at least .* expected at most 36\.00 MiB: fewer hidden units/,
    );
  });
});
