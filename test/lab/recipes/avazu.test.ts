import { existsSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { NO_SCRATCH, type PreparedOrigin, preparer } from "../../../format/prepare/prepared-values.ts";
import { avazu } from "../../../lab/recipes/avazu.ts";
import { runRecipe } from "../../../lab/recipes/recipe.ts";
import { cook, made, trainable } from "./cook.ts";

describe("avazu", () => {
  const plain = ["C1", "banner_pos", "site_id", "site_domain", "site_category", "app_id", "app_domain", "app_category"];
  const device = ["device_id", "device_ip", "device_model", "device_type", "device_conn_type"];
  const last = Array.from({ length: 8 }, (_, i) => `C${i + 14}`);
  const header = ["id", "click", "hour", ...plain, ...device, ...last].join(",");
  // 21 October 2014 was a Tuesday, the 25th a Saturday.
  const rows = Array.from({ length: 100 }, (_, i) =>
    [i, i % 5 === 0 ? 1 : 0, i % 2 ? "14102113" : "14102500", ...Array(21).fill(i % 3)].join(","),
  );

  it("drops the id, and leaves the hour to the model, which takes it apart", async () => {
    const result = await cook(avazu, made("avazu", { "train.gz": gzipSync(`${header}\n${rows.join("\n")}\n`) }));
    const all = result.rows.flat();
    expect(all.length).toBe(100);
    expect(new Set(all.map(({ hour }) => hour))).toEqual(new Set(["14102113", "14102500"]));
    const read = avazu.spec.fields.slice(0, 3).map((field) => preparer(field as unknown as PreparedOrigin));
    const parts = ["14102113", "14102500"].map((hour) => read.map((prepare) => prepare?.(hour, "", NO_SCRATCH)));
    expect(parts).toEqual([
      [13, 2, null],
      [0, 6, "6"],
    ]);
    expect(Object.keys(all[0] ?? {})).not.toContain("id");
    expect(all.filter(({ label }) => label === "1").length).toBe(20);
    expect(await trainable(result)).toBeGreaterThan(24);
  });

  it("refuses another log, and writes nothing", async () => {
    const from = made("avazu-other", { "train.csv": "id,label\n1,0\n" });
    const out = join(from, "out");
    const problem = /train\.csv: got the columns "id", "label", expected also "click"\. Get train\.gz from/;
    await expect(runRecipe(avazu, from, out)).rejects.toThrow(problem);
    expect(existsSync(out)).toBe(false);
  });
});
