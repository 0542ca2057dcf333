import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { frappe } from "../../../lab/recipes/frappe.ts";
import { runRecipe } from "../../../lab/recipes/recipe.ts";
import { sharedPath } from "../../trainer/shared-data.ts";
import { cook, made, withData } from "./cook.ts";

describe("frappe", () => {
  const real = withData("frappe");
  real.run(real.title("keeps the official split"), async () => {
    const result = await cook(frappe, sharedPath("frappe"));
    expect(result.rows.map((rows) => rows.length)).toEqual([202_027, 57_722, 28_860]);
    expect(result.rows[1]?.[0]).toMatchObject({ label: "1", user: "266", item: "287", country: "unknown" });
    expect(result.spec.name).toBe("frappe");
  });
  it("refuses files of another length", async () => {
    const csv =
      "label,user,item,daytime,weekday,isweekend,homework,cost,weather,country,city\n1,2,3,4,5,6,7,8,9,10,11\n";
    const from = made("frappe", { "train.csv": csv, "valid.csv": csv, "test.csv": csv });
    await expect(runRecipe(frappe, from, join(from, "out"))).rejects.toThrow(
      "got 1 record, expected the 202,027 of the whole data set",
    );
  });
});
