import { FormatError, show } from "./errors.ts";
import { matchingSteps } from "./matching-steps.ts";

// GrowthBook's conditions. Its library lets nobody in where it does not know an operator, or cannot read what an
// operator is compared with, and says so to nobody; and it takes as long as a condition takes. So a condition is
// checked as the library would go through it.

/** Of an attribute. */
const OPERATOR = /^\$(v?(eq|ne|[lg]te?)|exists|type|n?ini?|alli?|regexi?|not|size|elemMatch|(in|notIn)Group)$/;
/** Of conditions. */
const LOGICAL = /^\$(and|n?or|not|savedGroup)$/;

/** Conditions within one another. The library, which calls itself, ends the stack of a Worker at some thousand. */
const MAX_DEPTH = 32;

/** Steps of all that one list asks for: less than a second of the slowest expressions. */
const MAX_STEPS = 2 ** 24;

/** What a comparison counts for, beside the steps of matching, and a condition without any. */
const COMPARISON_STEPS = 2 ** 8;

/** What the conditions of one list may take, and the saved groups that they may name. */
export class ConditionCheck {
  /** Null: they are not known here, and any may be named. */
  readonly #groups: Readonly<Record<string, unknown>> | null;
  #steps = 0;

  constructor(groups: Readonly<Record<string, unknown>> | null = null) {
    this.#groups = groups;
  }

  /**
   * Throws FormatError, which names the place in `source`, where the library would make nothing of a condition, or
   * might take too long, with those that were checked before. `depth`: how many conditions it is within.
   */
  check(condition: unknown, source: string, depth = 0): void {
    for (const [key, value, place] of this.#membersOf(condition, source, depth)) {
      if (key.startsWith("$")) expectOne(LOGICAL, key, source);
      if (key === "$not") this.check(value, place, depth + 1);
      else if (key === "$savedGroup") {
        const group = this.#groupOf((value as { id?: unknown } | null)?.id, place);
        if (group?.condition) this.check(group.condition, place, depth + 1);
      } else if (key.startsWith("$"))
        for (const [i, each] of listOf(value, place).entries()) this.check(each, `${place}[${i}]`, depth + 1);
      else this.#checkValue(value, place, depth + 1);
    }
  }

  /** What an attribute, its length or one of its elements is compared with: operators, or a value to be equal to. */
  #checkValue(value: unknown, source: string, depth: number): void {
    if (!hasOperators(value)) return;
    for (const [operator, operand, place] of this.#membersOf(value, source, depth)) {
      expectOne(OPERATOR, operator, source);
      if (/^.n?ini?$|all/.test(operator))
        for (const each of listOf(operand, place)) this.#checkValue(each, place, depth + 1);
      else if (operator.startsWith("$regex")) this.#spend(matchingSteps(operand, place), place);
      else if (operator.endsWith("Group")) this.#groupOf(operand, place);
      else if (operator === "$elemMatch" && !hasOperators(operand)) this.check(operand, place, depth + 1);
      else if (/not$|siz|el/.test(operator)) this.#checkValue(operand, place, depth + 1);
    }
  }

  #groupOf(id: unknown, source: string): { condition?: unknown } | null | undefined {
    if (typeof id === "string" && (this.#groups === null || Object.hasOwn(this.#groups, id)))
      return this.#groups?.[id] as { condition?: unknown } | null | undefined;
    throw new FormatError(source, `got ${show(id)}, expected one of savedGroups`);
  }

  /** By name, with the place of each. */
  #membersOf(value: unknown, source: string, depth: number): [name: string, member: unknown, place: string][] {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new FormatError(source, `got ${show(value)}, expected an object such as {"country": "de"}`);
    const members = Object.entries(value);
    this.#spend(depth > MAX_DEPTH ? Number.POSITIVE_INFINITY : COMPARISON_STEPS * Math.max(1, members.length), source);
    return members.map(([name, member]) => [name, member, `${source}: ${name}`]);
  }

  #spend(steps: number, source: string): void {
    this.#steps += steps;
    if (this.#steps > MAX_STEPS)
      throw new FormatError(
        source,
        `got conditions that are more than ${MAX_DEPTH} within one another, or may take more than ${MAX_STEPS} steps`,
      );
  }
}

function hasOperators(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).some((key) => key.startsWith("$"));
}

function listOf(value: unknown, source: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new FormatError(source, `got ${show(value)}, expected a list`);
}

function expectOne(known: RegExp, operator: string, source: string): void {
  if (!known.test(operator)) throw new FormatError(source, `got the operator ${operator}, which GrowthBook has not`);
}
