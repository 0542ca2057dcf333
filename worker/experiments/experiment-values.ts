import { show } from "../../format/errors.ts";
import { MIN_SHARE } from "../../format/exposure.ts";
import { SettingError } from "../http/errors.ts";
import { readSwitch, readText } from "../settings/checks.ts";

/** The settings of experiments, as an environment has them. */
export interface ExperimentVariables {
  /** "off": no list is in an experiment, whatever the payload says. */
  EXPERIMENTS?: string;
  /** A secret: what units are hashed with in the log. Without it, the last of EXPERIMENT_SECRETS. */
  UNIT_SECRET?: string;
  /** Where ids of units are: `uid=cookie:uid account=header:x-account visitor=anonymous`. */
  EXPERIMENT_UNITS?: string;
  /** The cookie that says that ids may be stored: `consent=yes`, or `consent~statistics:true` for a part of it. */
  CONSENT_COOKIE?: string;
  /** Fields of the context that the log has, for training. */
  EXPOSURE_CONTEXT?: string;
  /** The share of units whose lists are logged. */
  EXPOSURE_KEEP?: number | string;
}

/** Where an attribute of a request is. */
export interface UnitSource {
  attribute: string;
  from: "cookie" | "header" | "context" | "anonymous";
  /** Of the cookie, the header or the field; empty of `anonymous`. */
  name: string;
}

/** The cookie that says that ids may be stored. */
export interface Consent {
  cookie: string;
  value: string;
  /** Whether the value is the cookie's, or a part of it. */
  isWhole: boolean;
}

/** The settings of experiments, checked. */
export interface ExperimentValues {
  on: boolean;
  unitSecret: string;
  units: readonly UnitSource[];
  consent: Consent | null;
  contextFields: readonly string[];
  keep: number;
}

/** Checks the settings. Throws SettingError, which quotes no secret. */
export function readExperimentValues(variables: ExperimentVariables): ExperimentValues {
  const { EXPERIMENTS = "", EXPOSURE_KEEP = 1 } = variables;
  const textOf = (name: "UNIT_SECRET" | "EXPERIMENT_UNITS" | "CONSENT_COOKIE" | "EXPOSURE_CONTEXT"): string =>
    readText(name, variables[name]) ?? "";
  return {
    on: readSwitch("EXPERIMENTS", EXPERIMENTS) !== "off",
    unitSecret: textOf("UNIT_SECRET"),
    units: entriesOf(textOf("EXPERIMENT_UNITS")).map(readUnitSource),
    consent: readConsent(textOf("CONSENT_COOKIE")),
    contextFields: entriesOf(textOf("EXPOSURE_CONTEXT")),
    keep: readKeep(EXPOSURE_KEEP),
  };
}

function entriesOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((entry) => entry !== "");
}

const UNIT_SOURCE = /^([\w.-]{1,128})=(?:(cookie|header|context):([\w!#$%&'*+.^`|~-]{1,128})|(anonymous))$/;

function readUnitSource(entry: string): UnitSource {
  const [, attribute, from, name, anonymous] = UNIT_SOURCE.exec(entry) ?? [];
  if (attribute !== undefined && anonymous !== undefined) return { attribute, from: "anonymous", name: "" };
  if (attribute !== undefined && name !== undefined) return { attribute, from: from as UnitSource["from"], name };
  throw new SettingError(
    `EXPERIMENT_UNITS: got ${show(entry)}, expected entries such as uid=cookie:uid, uid=header:x-uid, uid=context:user ` +
      "or uid=anonymous",
  );
}

function readConsent(text: string): Consent | null {
  if (text === "") return null;
  const [, cookie, sign, value] = /^([\w!#$%&'*+.^`|-]{1,128})([=~])(.+)$/.exec(text) ?? [];
  if (cookie !== undefined && value !== undefined) return { cookie, value, isWhole: sign === "=" };
  throw new SettingError(`CONSENT_COOKIE: got ${show(text)}, expected name=value, or name~part of the value`);
}

function readKeep(value: number | string): number {
  const keep = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof keep === "number" && keep >= MIN_SHARE && keep <= 1) return keep;
  throw new SettingError(`EXPOSURE_KEEP: got ${show(value)}, expected a number from ${MIN_SHARE} to 1`);
}
