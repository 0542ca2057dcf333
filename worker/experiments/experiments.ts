import { type MacKeys, readMacKeys } from "../../format/mac.ts";
import { macKeysOf } from "../access/mac-keys.ts";
import type { KeepAlive } from "../http/keep-alive.ts";
import { errorText, logError } from "../http/log.ts";
import type { MemoryBudget } from "../memory/memory-budget.ts";
import type { Source } from "../source/source.ts";
import { steadyClock } from "../steady-clock.ts";
import type { Evaluator } from "./evaluator.ts";
import { ExperimentStore, type ExperimentsStatus } from "./experiment-store.ts";
import type { ExperimentValues } from "./experiment-values.ts";
import { type ExperimentKeys, Visit } from "./visit.ts";
import type { VisitorRequest } from "./visitor.ts";

/** What of the settings of a Worker experiments need. */
export interface ExperimentSettings {
  experiments: ExperimentValues;
  source: Source;
  /** Has the secrets that sign. */
  logs: { secrets: string };
}

/** What assigns units. */
interface Ready {
  evaluator: Evaluator;
  values: ExperimentValues;
  keys: ExperimentKeys;
}

/** The experiments of an isolate. */
export class Experiments {
  readonly store: ExperimentStore;
  readonly #now: () => number;
  readonly #keys = new WeakMap<ExperimentValues, ExperimentKeys | null>();
  #problem: string | null = null;

  constructor(memory: MemoryBudget, now: () => number) {
    this.store = new ExperimentStore(memory, steadyClock(now));
    this.#now = now;
  }

  /** What assigns the lists of a request; null: nothing does, and its lists are as without experiments. */
  async begin(request: VisitorRequest, settings: ExperimentSettings, keepAlive: KeepAlive): Promise<Visit | null> {
    const ready = await this.#ready(settings, keepAlive);
    return ready && Visit.begin(request, ready.evaluator, { ...ready, now: this.#now() });
  }

  /** Which payload serves, and what is wrong with the one that the store has, or with the settings. */
  async status(
    settings: ExperimentSettings,
    keepAlive: KeepAlive,
  ): Promise<ExperimentsStatus & { state: "off" | "none" | "serving" }> {
    const ready = await this.#ready(settings, keepAlive);
    const status = this.store.status();
    const state = settings.experiments.on ? (ready ? "serving" : "none") : "off";
    return { state, ...status, problem: this.#problem ?? status.problem };
  }

  async #ready(settings: ExperimentSettings, keepAlive: KeepAlive): Promise<Ready | null> {
    const { experiments: values, source } = settings;
    if (!values.on) return null;
    const found = this.store.current(source, keepAlive);
    const evaluator = found instanceof Promise ? await found : found;
    if (!evaluator) return null;
    const keys = this.#keys.get(values) ?? this.#readKeys(settings);
    return keys && { evaluator, values, keys };
  }

  /** Null where the secrets are none: the log has that once, and all lists are as without experiments. */
  #readKeys(settings: ExperimentSettings): ExperimentKeys | null {
    const { experiments: values } = settings;
    if (this.#keys.has(values)) return null;
    let keys: ExperimentKeys | null = null;
    try {
      keys = keysOf(settings);
    } catch (error) {
      this.#problem = errorText(error);
      logError("experiments_refused", error);
    }
    this.#keys.set(values, keys);
    return keys;
  }
}

function keysOf(settings: ExperimentSettings): ExperimentKeys {
  const { unitSecret } = settings.experiments;
  const signing = macKeysOf(settings.logs);
  const [unit] = unitSecret === "" ? [lastOf(signing)] : readMacKeys(unitSecret, "UNIT_SECRET");
  return { signing, unit };
}

/** The one that was there before all others. */
function lastOf([first, ...others]: MacKeys): MacKeys[0] {
  return others.at(-1) ?? first;
}
