import { Command } from "commander";
import { ExperimentRegistry } from "../../../deploy/experiments.ts";
import { openStore } from "../../../deploy/kv/open-store.ts";
import { lockStore } from "../../../deploy/kv/store-lock.ts";
import { parseArm } from "../../../format/arm.ts";
import { ConditionCheck } from "../../../format/condition.ts";
import { FormatError } from "../../../format/errors.ts";
import { parseWrittenJson } from "../../../format/written-json.ts";
import { UserError } from "../../../trainer/errors.ts";
import { decimalOf } from "../../../trainer/terminal/number-option.ts";
import { readText } from "../options.ts";
import { type StoreFlags, storeOf, withStore } from "../store-options.ts";
import { entryText } from "./entry-text.ts";

interface CreateFlags extends StoreFlags {
  list: string;
  arms: string;
  weights?: number[];
  unit: string;
  condition?: string;
  newPhase?: true;
}

export function createCommand(): Command {
  const command = new Command("create")
    .description("Write an experiment that no unit is in yet, into the payload that the Worker reads.")
    .argument("<name>", "the experiment's name, in the log and in reports")
    .requiredOption("--list <name>", 'the list that it is about, as requests name it: "experiment": "home"')
    .requiredOption("--arms <file>", "JSON: a list of arms (format/arm.schema.json)")
    .option("--weights <numbers>", "a number for each arm, such as 1,1,2 (default: equal shares)", readWeights)
    .requiredOption("--unit <attribute>", "what units are hashed by: a field of the context, or of EXPERIMENT_UNITS")
    .option("--condition <json>", "who is in it, as GrowthBook's conditions say it (default: all)")
    .option("--new-phase", "replace one of that name, which is stopped or not started, with a new seed");
  return withStore(command).action(async (name: string, flags: CreateFlags) => {
    const { list, weights, unit: attribute, condition, newPhase = false } = flags;
    const plan = {
      ...{ name, list, attribute },
      arms: readArms(readText(flags.arms), flags.arms),
      ...(weights && { weights }),
      ...(condition !== undefined && { condition: readCondition(condition) }),
    };
    const target = storeOf(flags);
    using _lock = await lockStore(target);
    await using store = await openStore(target);
    console.log(entryText(await new ExperimentRegistry(store).create(plan, newPhase)));
  });
}

function readArms(text: string, source: string) {
  const list = parseWrittenJson(text, source);
  if (!Array.isArray(list)) throw new FormatError(source, "got no list, expected a list of arms");
  return list.map((arm, i) => parseArm(arm, `${source}[${i}]`));
}

function readWeights(text: string): number[] {
  const weights = text.split(",").map((part) => decimalOf(part.trim()));
  if (weights.every((weight) => Number.isFinite(weight) && weight > 0)) return weights;
  throw new UserError(`--weights: got ${text}, expected numbers above 0 such as 1,1,2`);
}

function readCondition(text: string): Record<string, unknown> {
  const condition = parseWrittenJson(text, "--condition");
  new ConditionCheck().check(condition, "--condition");
  return condition as Record<string, unknown>;
}
