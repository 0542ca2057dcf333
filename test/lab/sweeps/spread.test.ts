import { describe, expect, it } from "vitest";
import { spread, spreadText } from "../../../lab/sweeps/spread.ts";

describe("spread", () => {
  it("is mean and sample deviation; one seed has none", () => {
    expect(spread([1, 2, 3, 4])).toEqual({ mean: 2.5, sd: Math.sqrt(5 / 3) });
    expect(spread([7])).toEqual({ mean: 7, sd: 0 });
    expect(spreadText({ mean: 0.5, sd: 0.25 }, 2)).toBe("0.50000 ± 0.25000");
    expect(spreadText({ mean: 0.5, sd: 0 }, 1)).toBe("0.50000");
  });
});
