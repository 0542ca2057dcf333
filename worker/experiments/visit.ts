import type { Arm } from "../../format/arm.ts";
import type { Experiment } from "../../format/experiment.ts";
import type { MacKey, MacKeys } from "../../format/mac.ts";
import { logError } from "../http/log.ts";
import type { Assignment, Evaluator } from "./evaluator.ts";
import type { ExperimentValues } from "./experiment-values.ts";
import { requestFlags } from "./request-flags.ts";
import { StickyCookie } from "./sticky-cookie.ts";
import { isSampled, unitHash } from "./unit-hash.ts";
import { readVisitor, type Visitor, type VisitorRequest } from "./visitor.ts";

/** What one list of a request is ordered by. Nothing that fails later changes it. */
export interface Assigned {
  list: string;
  arm: Arm;
  /** Null: the list is in no experiment. */
  unit: LoggedUnit | null;
}

export interface LoggedUnit {
  experiment: Experiment;
  /** 0 to 9999 */
  bucket: number;
  /** 16 hex digits. */
  hash: string;
  /** Whether its lines are kept. */
  isKept: boolean;
}

/** The secrets of experiments as they are used. */
export interface ExperimentKeys {
  /** Sign request ids, cookies and previews. */
  signing: MacKeys;
  /** Hashes units. */
  unit: MacKey;
}

/** What a preview without a unit is logged as: nothing counts it. */
const NO_UNIT = { bucket: 0, hash: "0".repeat(16) };

/** A request whose lists may be in experiments. */
export class Visit {
  readonly keys: ExperimentKeys;
  /** Letters of EXPOSURE_FLAGS. */
  readonly flags: string;
  readonly values: ExperimentValues;
  readonly #evaluator: Evaluator;
  readonly #request: VisitorRequest;
  readonly #visitor: Visitor;
  #sticky: StickyCookie | null = null;

  private constructor(
    evaluator: Evaluator,
    values: ExperimentValues,
    keys: ExperimentKeys,
    request: VisitorRequest,
    visitor: Visitor,
  ) {
    this.#evaluator = evaluator;
    this.values = values;
    this.keys = keys;
    this.#request = request;
    this.#visitor = visitor;
    this.flags = requestFlags(request, visitor.preview !== null);
  }

  static begin(
    request: VisitorRequest,
    evaluator: Evaluator,
    { values, keys, now }: { values: ExperimentValues; keys: ExperimentKeys; now: number },
  ): Visit {
    const { hashAttributes } = evaluator.payload;
    const visitor = readVisitor(request, { values, keys: keys.signing, hashAttributes, now });
    return new Visit(evaluator, values, keys, request, visitor);
  }

  /** Fields of the context that are to be logged; null: none are. */
  get context(): Record<string, unknown> | null {
    const { context } = this.#request;
    const { contextFields } = this.values;
    if (contextFields.length === 0 || typeof context !== "object" || context === null) return null;
    const fields = contextFields.filter((name) => Object.hasOwn(context, name));
    return Object.fromEntries(fields.map((name) => [name, jsonOf((context as Record<string, unknown>)[name])]));
  }

  /** Whether somebody looks at an arm by a signed parameter: no number counts such lists. */
  get isPreview(): boolean {
    return this.#visitor.preview !== null;
  }

  /** Whether ids of the visitor may be stored. */
  get consents(): boolean {
    return this.#visitor.consents;
  }

  /** What the log may call the visitor: for each attribute by which experiments hash units. */
  units(): string[] {
    const { attributes } = this.#visitor;
    const named = [...this.#evaluator.payload.hashAttributes].filter((name) => Object.hasOwn(attributes, name));
    return named.map((name) => unitHash(this.keys.unit, name, String(attributes[name])));
  }

  /** What a list is ordered by; null: as without experiments. */
  assign(list: string): Assigned | null {
    const assignment = this.#evaluate(list);
    const { preview } = this.#visitor;
    const seen = preview && this.#evaluator.armOf(list, preview.experiment, preview.arm);
    if (seen?.experiment) {
      const own = assignment?.unit?.experiment === seen.experiment ? this.#logged(assignment) : null;
      return { list, arm: seen.arm, unit: { ...(own ?? NO_UNIT), experiment: seen.experiment, isKept: true } };
    }
    return assignment && { list, arm: assignment.arm, unit: this.#logged(assignment) };
  }

  /** Headers `set-cookie` that the answer needs, once its lists are assigned. */
  cookies(): string[] {
    const sticky = this.#sticky?.header(this.keys.signing);
    return sticky ? [...this.#visitor.cookies, sticky] : this.#visitor.cookies;
  }

  #evaluate(list: string): Assignment | null {
    const asksForSticky = this.#evaluator.payload.stickyLists.has(list);
    if (asksForSticky && this.#visitor.consents) this.#sticky ??= this.#readSticky();
    try {
      return this.#evaluator.assign(list, this.#visitor.attributes, asksForSticky ? this.#sticky : null);
    } catch (error) {
      logError("assignment_failed", error, { list });
      return null;
    }
  }

  #readSticky(): StickyCookie {
    const header = this.#request.headers?.get("cookie") ?? null;
    const { hashAttributes } = this.#evaluator.payload;
    return StickyCookie.read(header, this.keys.signing, this.keys.unit, this.#visitor.attributes, hashAttributes);
  }

  #logged({ unit }: Assignment): LoggedUnit | null {
    if (!unit) return null;
    const { experiment, bucket, attribute, id } = unit;
    const hash = unitHash(this.keys.unit, attribute, id);
    return { experiment, bucket, hash, isKept: isSampled(hash, this.values.keep, "log") };
  }
}

/** A value of a record as JSON has it. Over RPC it may be a bigint, or a list of some: their text means the same. */
function jsonOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => (typeof one === "bigint" ? String(one) : one));
  return typeof value === "bigint" ? String(value) : value;
}
