import { show } from "../../format/errors.ts";

/** A setting by its dotted path, as `--settings` and a search space name it, and its value in each of several specs. */
export interface Difference {
  path: string;
  /** As text; a dash where a spec lacks the setting. */
  values: string[];
}

const ABSENT = "–";

/** The settings in which objects differ. An object of a list that has a name is found by it, wherever it stands. */
export function differences(values: readonly unknown[], path = ""): Difference[] {
  const texts = values.map((value) => JSON.stringify(value));
  const present = values.filter((value) => value !== undefined);
  const alike = new Set(texts.filter((text) => text !== undefined)).size <= 1;
  if (alike) return present.length === values.length ? [] : [{ path, values: values.map(valueText) }];
  if (!present.every(hasKeys)) return [{ path, values: values.map(valueText) }];
  const objects = values.map((value) => (value === undefined ? {} : byKey(value as object)));
  const keys = new Set(objects.flatMap(Object.keys));
  return [...keys].flatMap((key) =>
    differences(
      objects.map((object) => (Object.hasOwn(object, key) ? object[key] : undefined)),
      path === "" ? key : `${path}.${key}`,
    ),
  );
}

/** The differences but those of settings that one of the objects lacks. */
export function settingsThatDiffer(values: readonly unknown[]): Difference[] {
  return differences(values).filter((difference) => !difference.values.includes(ABSENT));
}

type Named = Record<string, unknown>;

function hasKeys(value: unknown): boolean {
  return typeof value === "object" && value !== null && (!Array.isArray(value) || isNamedList(value));
}

function isNamedList(list: readonly unknown[]): list is { name: string }[] {
  return list.length > 0 && list.every((one) => typeof (one as Named | null)?.name === "string");
}

function byKey(value: object): Named {
  if (!Array.isArray(value)) return value as Named;
  return Object.fromEntries(value.map((one: Named) => [String(one.name), one]));
}

function valueText(value: unknown): string {
  if (value === undefined) return ABSENT;
  if (typeof value === "string") return value;
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? objectText(value as Named)
    : show(value);
}

/** An object that the others lack: a field by its type, and anything else as JSON. */
function objectText(value: Named): string {
  return typeof value.type === "string" ? value.type : show(value);
}
