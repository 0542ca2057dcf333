/** The value of a name that someone else chose; undefined where the object has no such property of its own. */
export function ownValue(object: object, name: string): unknown {
  return Object.hasOwn(object, name) ? (object as Record<string, unknown>)[name] : undefined;
}
