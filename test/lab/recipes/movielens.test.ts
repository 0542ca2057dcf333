import { describe, expect } from "vitest";
import { movielens } from "../../../lab/recipes/movielens.ts";
import { sharedPath } from "../../trainer/shared-data.ts";
import { cook, trainable, withData } from "./cook.ts";

describe("movielens", () => {
  const real = withData("ml-100k");
  real.run(real.title("joins users and items, and keeps the last ratings for the test"), async () => {
    const result = await cook(movielens, sharedPath("ml-100k"));
    const all = result.rows.flat();
    expect(all.length).toBe(100_000);
    expect(all.filter(({ label }) => label === true).length).toBe(55_375); // ratings of 4 and 5 in MovieLens 100K
    expect(result.rows.map((rows) => Math.round(rows.length / 1000))).toEqual([80, 10, 10]);
    expect(all.find(({ item }) => item === "1")).toMatchObject({ year: 1995, genres: "Animation Children's Comedy" });
    expect(all.find(({ user }) => user === "1")).toMatchObject({
      age: "24",
      gender: "M",
      occupation: "technician",
      zip_code: "85711",
    });
    // What the first user of the log liked before each rating, the latest first; 108 and 772 were rated in the same
    // second.
    const first = result.rows[0]?.filter(({ user }) => user === "259").slice(0, 7) ?? [];
    expect(first.map(({ item, liked }) => [item, liked])).toEqual([
      ["255", null],
      ["286", "255"],
      ["298", "286 255"],
      ["185", "298 286 255"],
      ["173", "185 298 286 255"],
      ["108", "173 185 298 286 255"],
      ["772", "173 185 298 286 255"],
    ]);
    expect(await trainable(result)).toBeGreaterThan(2000);
  });
});
