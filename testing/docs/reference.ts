import { anchorOf } from "./document.ts";

// docs/reference.md: every key of the feature spec and of a search space, from their JSON Schemas.

/** What is used of a JSON Schema, draft 7, as the conversion from valibot writes it. */
export interface JsonSchema {
  type?: string;
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  /** Of every element, or of a tuple's in turn. */
  items?: JsonSchema | JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
}

const INTRODUCTION = `# Reference of the feature spec

Every key of a feature spec and of a search space: what it may be, what it is where it is absent, and what it means.
\`npm run docs\` writes this page from the schemas that check them ([\`format/spec.ts\`](../format/spec.ts),
[\`lab/tune/space.ts\`](../lab/tune/space.ts)). [Training](training.md) explains how they are used, and
[\`format/FORMAT.md\`](../format/FORMAT.md) exactly how a value becomes a row key. Options of commands are in
[commands](commands.md).
`;

/** The whole page. Throws where a key has no description. */
export function referencePage(spec: JsonSchema, space: JsonSchema): string {
  return [INTRODUCTION, ...sections("Feature spec", "", spec), ...sections("Search space", "", space)].join("\n");
}

/** A table for an object, and then those of the objects in it. `path`: where it stands; empty for the whole. */
function sections(title: string, path: string, schema: JsonSchema): string[] {
  const forms = formsOf(schema);
  if (forms.length === 0) return [];
  const [shared, own] = split(forms);
  const level = path === "" ? "##" : "###";
  const texts = [`${level} ${title}\n`];
  if (shared.length > 0) texts.push(tableOf(path, shared, forms[0] ?? {}, forms));
  for (const [i, form] of forms.entries()) {
    const rest = Object.entries(form.properties ?? {}).filter(([key]) => own.has(key));
    if (forms.length === 1) continue;
    const tag = tagOf(form);
    const ownKey = ownKeyOf(form, forms);
    if (tag === null && ownKey === null) throw new Error(`${path}: form ${i} has no key that tells it from the others`);
    if (tag === null) {
      texts.push(`With the key \`${ownKey}\`:\n`, tableOf(path, rest, form, forms));
      continue;
    }
    const about = form.description ? ` ${form.description}` : "";
    const only = rest.length === 1 ? " It has no further keys.\n" : "\n";
    texts.push(`With \`"${tag.key}": ${JSON.stringify(tag.value)}\`:${about}${only}`);
    if (rest.length > 1)
      texts.push(
        tableOf(
          path,
          rest.filter(([key]) => key !== tag.key),
          form,
          forms,
        ),
      );
  }
  const inner = new Map<string, string[]>();
  for (const form of forms)
    for (const [key, value] of Object.entries(form.properties ?? {})) {
      const place = path === "" ? key : `${path}.${key}`;
      const title = titleOf(place, key, form, forms);
      const found = [value, ...elementsOf(value), ofNames(value)]
        .filter((one) => one !== undefined)
        .flatMap((one) => sections(title, place, one));
      const variants = inner.get(place) ?? [];
      if (found.length > 0 && !variants.includes(found.join("\n"))) variants.push(found.join("\n"));
      if (variants.length > 0) inner.set(place, variants);
    }
  for (const variants of inner.values()) texts.push(...variants);
  return texts;
}

/** The objects that a value may be: one, or several that a key tells apart. */
function formsOf({ properties, anyOf, oneOf, ...schema }: JsonSchema): JsonSchema[] {
  if (properties) return [{ ...schema, properties }];
  return (oneOf ?? anyOf ?? []).filter((one) => one.properties !== undefined);
}

/** Keys that are the same in all forms, with their schemas, and the names of the others. */
function split(forms: readonly JsonSchema[]): [shared: [string, JsonSchema][], own: Set<string>] {
  const [first, ...others] = forms.map(({ properties = {} }) => properties);
  const shared = Object.entries(first ?? {}).filter(([key, schema]) =>
    others.every((other) => JSON.stringify(other[key]) === JSON.stringify(schema)),
  );
  const names = new Set(shared.map(([key]) => key));
  return [
    shared,
    new Set(forms.flatMap(({ properties = {} }) => Object.keys(properties)).filter((key) => !names.has(key))),
  ];
}

function tagOf({ properties = {}, required = [] }: JsonSchema): { key: string; value: unknown } | null {
  const found = Object.entries(properties).find(
    ([key, { const: value }]) => value !== undefined && required.includes(key),
  );
  return found ? { key: found[0], value: found[1].const } : null;
}

/** The key that only this one of the forms has, and has to have; null where there is none. */
function ownKeyOf({ required = [] }: JsonSchema, forms: readonly JsonSchema[]): string | null {
  const isOwn = (key: string): boolean => forms.filter(({ properties = {} }) => key in properties).length === 1;
  return required.find(isOwn) ?? null;
}

/**
 * The title of the section about a key of one of some forms. It names the forms that it is about where the key is
 * something else in others.
 */
function titleOf(place: string, key: string, form: JsonSchema, forms: readonly JsonSchema[]): string {
  const text = ({ properties = {} }: JsonSchema): string => JSON.stringify(properties[key]);
  const alike = forms.filter((other) => text(other) === text(form));
  const others = forms.filter(({ properties = {} }) => properties[key] !== undefined).length > alike.length;
  const names = alike.map((one) => String(tagOf(one)?.value)).join(", ");
  return others ? `\`${place}\` of ${names}` : `\`${place}\``;
}

function tableOf(
  path: string,
  keys: readonly [string, JsonSchema][],
  form: JsonSchema,
  forms: readonly JsonSchema[],
): string {
  const { required = [] } = form;
  const rows = keys.map(([key, schema]) => {
    const place = path === "" ? key : `${path}.${key}`;
    if (schema.description === undefined) throw new Error(`${place}: got no description, expected one in its schema`);
    const absent = required.includes(key) ? "must be there" : defaultText(schema);
    return `| ${[`\`${key}\``, valueText(schema, titleOf(place, key, form, forms)), absent, schema.description].map(cell).join(" | ")} |`;
  });
  return ["| key | value | default | meaning |", "| --- | --- | --- | --- |", ...rows, ""].join("\n");
}

/** A pipe would end the cell. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function defaultText({ default: value }: JsonSchema): string {
  if (value === undefined) return "–";
  return `\`${JSON.stringify(value)}\``;
}

/** What a value may be. `title`: of the section about the objects in it. */
function valueText(schema: JsonSchema, title: string): string {
  const { type, enum: names, items, anyOf, oneOf } = schema;
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (names) return names.map((name) => `\`${JSON.stringify(name)}\``).join(", ");
  const named = ofNames(schema);
  if (named) return `an object of names, each with ${valueText(named, title)}`;
  if (formsOf(schema).length > 0) return `[an object](#${anchorOf(title)})`;
  const options = oneOf ?? anyOf;
  if (options) return options.map((one) => valueText(one, title)).join(", or ");
  switch (type) {
    case "array":
      if (Array.isArray(items)) return tupleText(items.map((item) => valueText(item, title)));
      return `a list of ${counted(schema.minItems, schema.maxItems)}${items ? valueText(items, title) : "values"}`;
    case "string":
      if (schema.pattern !== undefined) return `text that matches \`${schema.pattern}\``;
      return `text${range(schema.minLength, schema.maxLength, " of", " characters")}`;
    case "integer":
    case "number":
      return numberText(schema);
    case "boolean":
      return "`true` or `false`";
    default:
      return "anything";
  }
}

function tupleText(texts: readonly string[]): string {
  const [first = ""] = texts;
  const alike = texts.every((text) => text === first);
  return `a list of ${texts.length}: ${alike ? `each ${first}` : texts.join(", then ")}`;
}

function elementsOf({ items = [] }: JsonSchema): readonly JsonSchema[] {
  return Array.isArray(items) ? items : [items];
}

function ofNames({ additionalProperties: schema }: JsonSchema): JsonSchema | undefined {
  return typeof schema === "object" ? schema : undefined;
}

function numberText({ type, minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string {
  const name = type === "integer" ? "an integer" : "a number";
  const low = exclusiveMinimum === undefined ? minimum : exclusiveMinimum;
  if (exclusiveMinimum !== undefined || exclusiveMaximum !== undefined) {
    const above = exclusiveMinimum === undefined ? range(minimum, undefined, " of", "") : ` above ${exclusiveMinimum}`;
    const high = exclusiveMaximum === undefined ? maximum : exclusiveMaximum;
    const below = high === undefined ? "" : `, ${exclusiveMaximum === undefined ? "at most" : "below"} ${high}`;
    return `${name}${above}${below}`;
  }
  return `${name}${range(low, maximum, " of", "")}`;
}

function range(low: number | undefined, high: number | undefined, before: string, after: string): string {
  if (low === undefined && high === undefined) return "";
  if (high === undefined) return `${before} ${low} or more${after}`;
  return low === undefined ? `${before} at most ${high}${after}` : `${before} ${low} to ${high}${after}`;
}

function counted(low: number | undefined, high: number | undefined): string {
  const text = range(low, high, "", "").trim();
  return text === "" ? "" : `${text}: `;
}
