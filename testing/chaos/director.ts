import { POINTER_MAX_AGE_MS } from "../../worker/limits.ts";
import type { AttackModel } from "../attack/model.ts";
import { integer, pick, seeded } from "../format/random.ts";
import type { Clients } from "./clients.ts";
import { type Fleet, NAMES } from "./fleet.ts";
import type { Isolates } from "./isolates.ts";
import { scoreCold } from "./kinds.ts";
import type { Happening } from "./phases.ts";
import type { Publisher } from "./publisher.ts";
import type { ChaosReport } from "./report.ts";
import type { Timeline } from "./timeline.ts";

/** Milliseconds by which the Worker's clock is put forward, so that it looks at its pointers again. */
const LATER_MS = POINTER_MAX_AGE_MS + 1000;
/** How often a request is sent until what it waits for shows in its answer. */
const TRIES = 400;
/** After so many tries the clock is put forward again. */
const TRIES_LATER = 20;
const TRY_MS = 20;
/** The last writes of a publication, before each of which it ends once: blob, manifest, history and pointer. */
const LAST_WRITES = 6;
/** Requests that are sent between the end of a publication and its next run. */
const BETWEEN_RUNS = 5;

/** Makes things happen while clients score, one after the other. */
export class Director {
  readonly #fleet: Fleet;
  readonly #timeline: Timeline;
  readonly #isolates: Isolates;
  readonly #report: ChaosReport;
  readonly #publisher: Publisher;
  readonly #clients: Clients;
  readonly #random: () => number;
  #swapped = 0;
  /** Writes of a whole publication. */
  #writes: number | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  /** Isolates that have yet to answer what they have been asked. */
  readonly #ending: Promise<void>[] = [];

  constructor(
    parts: {
      fleet: Fleet;
      timeline: Timeline;
      isolates: Isolates;
      report: ChaosReport;
      publisher: Publisher;
      clients: Clients;
    },
    seed: number,
  ) {
    this.#fleet = parts.fleet;
    this.#timeline = parts.timeline;
    this.#isolates = parts.isolates;
    this.#report = parts.report;
    this.#publisher = parts.publisher;
    this.#clients = parts.clients;
    this.#random = seeded(seed);
  }

  /**
   * Publishes all versions of each model, and lets the first serve, of the first model as the default. The second is
   * published first, so that the others are patches of it: nothing of it is ever deleted.
   */
  async begin(): Promise<void> {
    for (const name of NAMES) {
      const [first, ...others] = this.#versions(name);
      for (const model of [...others, first]) await this.#publisher.publish(model);
    }
    for (const model of this.#fleet.large.values()) await this.#publisher.publish(model);
  }

  /** Makes something happen once what happened before is over. */
  happen(happening: Happening): Promise<void> {
    const turn = this.#turn.then(() => this.#act(happening));
    this.#turn = turn;
    return turn;
  }

  /** Waits until all isolates but the one that serves have ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#ending.splice(0));
  }

  /** Once the store is well again, all that was published last must serve, with all of its rows. */
  async expectHealth(): Promise<void> {
    await this.#isolates.putForward(LATER_MS);
    for (const reference of [null, ...NAMES]) {
      const version = this.#timeline.latest(reference ?? this.#timeline.default);
      await this.#expect(reference, version, true);
    }
  }

  #act(happening: Happening): Promise<void> {
    if (happening === "restart") return this.#restart();
    if (happening === "swap") return this.#swap();
    if (happening === "killed") return this.#kill();
    return happening === "default" ? this.#changeDefault() : this.#switch();
  }

  #versions(name: string): readonly AttackModel[] {
    return this.#fleet.versions.get(name) ?? [];
  }

  /** A version that does not serve. */
  #other(name: string): AttackModel {
    const latest = this.#timeline.latest(name);
    const others = this.#versions(name).filter(({ version }) => version !== latest);
    return pick(this.#random, others);
  }

  async #restart(): Promise<void> {
    const { ended } = await this.#isolates.restart();
    this.#ending.push(ended);
    this.#report.phase.restarts++;
  }

  async #switch(): Promise<void> {
    const name = pick(this.#random, NAMES);
    if (this.#random() < 0.5) await this.#publisher.publish(this.#other(name));
    else await this.#publisher.rollback(name);
    await this.#isolates.putForward(LATER_MS);
  }

  async #changeDefault(): Promise<void> {
    const name = pick(this.#random, NAMES);
    await this.#publisher.publish(this.#other(name), { becomesDefault: true });
    await this.#isolates.putForward(LATER_MS);
  }

  async #swap(): Promise<void> {
    const name = NAMES[this.#swapped++ % NAMES.length];
    const next = this.#other(name);
    await this.#publisher.publish(next);
    await this.#isolates.putForward(LATER_MS);
    if (await this.#expect(name, next.version, false)) this.#report.swaps++;
  }

  /** Ends a publication after some of its writes, and runs it again. */
  async #kill(): Promise<void> {
    const name = pick(this.#random, NAMES);
    const models = this.#versions(name);
    const spare = models[models.length - 1];
    if (this.#timeline.latest(name) === spare.version) await this.#publisher.publish(models[0]);
    await this.#isolates.putForward(LATER_MS);
    await this.#publisher.forget(spare);
    if (this.#writes === null) {
      this.#writes = await this.#publisher.publishSome(spare, Number.POSITIVE_INFINITY);
      return;
    }
    const { kills } = this.#report;
    const most = kills < LAST_WRITES ? this.#writes - 1 - kills : integer(this.#random, 0, this.#writes - 1);
    await this.#publisher.publishSome(spare, most);
    await this.#isolates.putForward(LATER_MS);
    for (let i = 0; i < BETWEEN_RUNS; i++) await this.#clients.sendOne(scoreCold(name), this.#random, true);
    await this.#publisher.publish(spare);
    const again = await this.#publisher.publish(spare);
    if (again !== 0)
      this.#report.fault("publish", `got ${again} writes of what was published a moment ago, expected 0`);
    if (this.#timeline.latest(name) !== spare.version)
      this.#report.fault("publish", `got ${this.#timeline.latest(name)} in the pointer, expected ${spare.version}`);
    await this.#isolates.putForward(LATER_MS);
    this.#report.kills++;
  }

  /** Sends requests until a version answers one, `whole`: with all its rows. Whether it ever did. */
  async #expect(reference: string | null, version: string, whole: boolean): Promise<boolean> {
    let got = "";
    for (let tries = 1; tries <= TRIES; tries++) {
      const { answer, verdict } = await this.#clients.sendOne(scoreCold(reference), this.#random, true);
      if (verdict.version === version && (!whole || verdict.outcome === "whole")) return true;
      got = `${answer.status} ${answer.body.slice(0, 300)}`;
      await new Promise((resolve) => setTimeout(resolve, TRY_MS));
      if (tries % TRIES_LATER === 0) await this.#isolates.putForward(LATER_MS);
    }
    this.#report.fault(`what ${reference ?? "no name"} leads to`, `got ${got} in the end, expected version ${version}`);
    return false;
  }
}
