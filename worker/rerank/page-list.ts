import { type Arranged as ArrangedList, arrange } from "../experiments/arrange.ts";
import { exposureOf } from "../experiments/exposure-line.ts";
import { countArranged, countAssigned, logList } from "../experiments/list-log.ts";
import { type ListAccess, listScorer } from "../experiments/score-list.ts";
import type { Assigned, LoggedUnit, Visit } from "../experiments/visit.ts";
import type { Lease } from "../memory/memory-budget.ts";
import type { RouteOptions } from "../route-options.ts";
import { chargeTo } from "../rows/key-allowance.ts";
import type { ScoreRequest } from "../scoring/score-request.ts";
import type { SettingValues } from "../settings/settings.ts";
import { type Arranged, type AskedPage, candidatesOf, type FoundList } from "./arranging.ts";
import { clientOf } from "./client-of.ts";
import type { Why } from "./why.ts";

interface PageListOptions {
  assigned: Assigned;
  visit: Visit;
  /** The id that events name; null: nothing of the list is logged. */
  id: string | null;
  page: AskedPage;
  settings: SettingValues;
  options: RouteOptions;
}

/** With these there was no list that anybody could have seen: another answer, or none. */
const NO_LIST: ReadonlySet<Why> = new Set(["status", "type", "no-match", "origin"]);

/** A list of a page that has an arm: from the assignment, which nothing changes any more, to its line in the log. */
export class PageList {
  readonly id: string | null;
  readonly #of: PageListOptions;
  #found: FoundList | null = null;
  #arranged: ArrangedList | null = null;
  /** The memory of scoring it: while that goes on, and for a shadow after it. */
  #lease: Lease | null = null;
  #isOut = false;

  constructor(of: PageListOptions) {
    this.id = of.id;
    this.#of = of;
  }

  get name(): string {
    return this.#of.assigned.list;
  }

  /** The models that its order takes, as the arm names them. */
  get models(): string[] {
    const { model, policy } = this.#of.assigned.arm;
    if (model === null) return [];
    return policy.policy === "team-draft" ? [model, policy.rival] : [model];
  }

  get unit(): LoggedUnit | null {
    return this.#of.assigned.unit;
  }

  /** Its order. Never rejects: a list of one arm is not lost where one of another would not be. */
  async arrange(found: FoundList): Promise<Arranged> {
    const { assigned, options } = this.#of;
    const { ids } = found;
    this.#found = found;
    this.#lease = options.memory.lease("requests");
    const score = listScorer(this.#requestFor(found), options, this.#access(this.#lease));
    const arranged = await arrange({ ids, slots: ids.length }, assigned, score);
    countArranged(arranged, options);
    this.#arranged = arranged;
    // It went out without waiting any longer.
    if (this.#isOut) this.#lease.end();
    const { failure, shown } = arranged;
    if (failure) return { why: failure.why === "memory" ? "memory" : "model" };
    return { shown: shown ?? ids.map((_, i) => i) };
  }

  /** Writes its line, when its bytes go out. `why`: why it is in the origin's order. */
  sent(why: Why | null): void {
    this.#isOut = true;
    const { page } = this.#of;
    const after = this.#log(why);
    if (after) page.keepAlive(after().finally(() => this.#lease?.end()));
    else if (this.#arranged) this.#lease?.end();
  }

  #log(why: Why | null): (() => Promise<void>) | null {
    const { assigned, visit, id, page, settings, options } = this.#of;
    if (id === null || (why !== null && NO_LIST.has(why))) return null;
    const ids = this.#found?.ids ?? [];
    const arranged = this.#arranged ?? { ...{ list: { ids, slots: ids.length }, assigned }, ...NOTHING };
    countAssigned(assigned, arranged.failure?.why ?? why, visit, options);
    const about = { id, now: options.now(), worker: settings.workerVersion?.id ?? null };
    // What arranging failed with is said more exactly than why the list was left as it was.
    const line = exposureOf(arranged, visit, { ...about, ...(why !== null && !arranged.failure && { why }) });
    const { env, keepAlive } = page;
    if (!line) return null;
    const found = this.#arranged ? this.#found : null;
    const score = found && this.#lease && listScorer(this.#requestFor(found), options, this.#access(this.#lease));
    return logList(line, arranged, score, { env, keepAlive }, options);
  }

  #requestFor(found: FoundList): ScoreRequest {
    const { page } = this.#of;
    return { context: page.context, ...candidatesOf(found, page) };
  }

  #access(lease: Lease): ListAccess {
    const { settings, page } = this.#of;
    const { source, keys, leastSerials, bundled, rowDeadlineMs, rowKeysPerRequest: maxKeys, rowRateLimit } = settings;
    const charge = rowRateLimit && chargeTo(rowRateLimit, clientOf(page.request));
    const { keepAlive } = page;
    return { source, keys, leastSerials, bundled, charge, keepAlive, lease, rowDeadlineMs, spentMs: 0, maxKeys };
  }
}

/** Of a list that nobody has ordered. */
const NOTHING = { shown: null, scored: null, rival: null, drawn: null, failure: null };
