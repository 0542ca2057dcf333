import { join } from "node:path";
import { Argument, type Command } from "commander";
import { avazu } from "../../lab/recipes/avazu.ts";
import { criteo } from "../../lab/recipes/criteo.ts";
import { frappe } from "../../lab/recipes/frappe.ts";
import { movielens } from "../../lab/recipes/movielens.ts";
import { type Recipe, runRecipe } from "../../lab/recipes/recipe.ts";
import { claimResult } from "../../trainer/io/claim.ts";
import { shellWord } from "../../trainer/terminal/shell-word.ts";
import { forceOption } from "./options.ts";

const SPEC = "spec.json";
const LOGS = ["train.parquet", "valid.parquet", "test.parquet"];

const RECIPES: readonly Recipe[] = [criteo, avazu, movielens, frappe];

export function defineRecipe(command: Command): void {
  const list = RECIPES.map(({ name, about, source }) => `${name}: ${about}.\n  ${source}`).join("\n\n");
  command
    .addArgument(new Argument("<name>", "the data set").choices(RECIPES.map(({ name }) => name)))
    .requiredOption("--from <folder>", "where its files are, as their owner gives them out")
    .requiredOption("--out <folder>", "where to write train.parquet, valid.parquet, test.parquet and spec.json")
    .addOption(forceOption())
    .addHelpText("after", `\n${list}`)
    .action(async (name: string, { from, out, force }: { from: string; out: string; force?: boolean }) => {
      const recipe = RECIPES.find((one) => one.name === name);
      if (!recipe) throw new Error(`no recipe ${name}`);
      claimResult(out, SPEC, { what: "a data set", force });
      const claims = LOGS.map((file) => claimResult(out, file, { what: "a log", request: name, force }));
      await runRecipe(recipe, from, out, () => {
        for (const claim of claims) claim();
      });
      const [spec, train, valid, test] = [SPEC, ...LOGS].map((file) => shellWord(join(out, file)));
      const logs = `--train ${train} --valid ${valid} --test ${test}`;
      console.log(`npx deepfm-edge train ${spec} ${logs} --out runs/${name}`);
    });
}
