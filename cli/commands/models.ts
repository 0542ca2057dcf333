import type { Command } from "commander";
import { openStore } from "../../deploy/kv/open-store.ts";
import { type ModelEntry, ModelRegistry } from "../../deploy/registry.ts";
import { UserError } from "../../trainer/errors.ts";
import { toJson } from "../../trainer/io/files.ts";
import { bytesText, table } from "../../trainer/terminal/table.ts";
import { presentStoreOf, type StoreFlags, withStore } from "./store-options.ts";

/** Digits of a version in a table: enough to name it to `rollback`. */
const SHOWN_DIGITS = 12;

export function defineModels(command: Command): void {
  command.argument("[name]", "the model whose history is listed");
  withStore(command)
    .option("--json", "print all of it as JSON")
    .action(async (name: string | undefined, flags: StoreFlags & { json?: true }) => {
      await using store = await openStore(presentStoreOf(flags));
      const registry = new ModelRegistry(store);
      const models = await registry.list();
      const entry = models.find(({ model }) => model === name);
      if (name !== undefined && !entry)
        throw new UserError(`got the model ${name}, expected ${models.map(({ model }) => model).join(", ") || "none"}`);
      if (flags.json) return void process.stdout.write(toJson(entry ? entryData(entry) : models.map(entryData)));
      if (entry) return console.log(historyText(entry));
      console.log(models.length === 0 ? await emptyText(registry) : modelsText(models));
    });
}

async function emptyText(registry: ModelRegistry): Promise<string> {
  const earlier = await registry.earlier();
  if (earlier === null) return "no model is published";
  return `${earlier.model}@${earlier.version} serves, as an earlier version of deepfm-edge published it`;
}

function modelsText(models: readonly ModelEntry[]): string {
  const head = ["model", "version", "since", "bytes", "versions", "note"];
  const rows = models.map(({ model, pointer, history, isDefault, problem }) => {
    const publication = history.find(({ version }) => version === pointer?.version);
    return [
      isDefault ? `${model}, default` : model,
      pointer
        ? `${pointer.version.slice(0, SHOWN_DIGITS)}${pointer.pinned ? ", pinned" : ""}`
        : problem
          ? "damaged"
          : "none serves",
      pointer ? timeText(pointer.since) : "–",
      publication ? bytesText(publication.bytes) : "–",
      String(history.length),
      publication?.note ?? "",
    ];
  });
  const problems = models.flatMap(({ problem }) => (problem === null ? [] : [problem]));
  return [table(head, rows), ...problems].join("\n");
}

function historyText({ pointer, history, problem }: ModelEntry): string {
  if (problem !== null) throw new UserError(problem);
  const head = ["version", "published", "bytes", "AUC", "logloss", "note"];
  const rows = history.map(({ version, time, bytes, metrics, note }) => [
    `${version.slice(0, SHOWN_DIGITS)}${version === pointer?.version ? ", serves" : ""}`,
    timeText(time),
    bytesText(bytes),
    metrics.auc?.toFixed(5) ?? "–",
    metrics.logloss?.toFixed(5) ?? "–",
    note,
  ]);
  return table(head, rows);
}

/** The entry as JSON has it: times as in ISO 8601. */
function entryData({ model, isDefault, pointer, history, problem }: ModelEntry): object {
  return {
    ...{ model, default: isDefault },
    serves: pointer && { ...pointer, since: new Date(pointer.since).toISOString() },
    history: history.map((publication) => ({ ...publication, time: new Date(publication.time).toISOString() })),
    ...(problem !== null && { problem }),
  };
}

function timeText(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace("T", " ")}Z`;
}
