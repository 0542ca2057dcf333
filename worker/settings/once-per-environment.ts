/**
 * `read`, called once for each environment: a deployed isolate has one, an application may hand each request its own.
 * What `read` throws is not remembered.
 */
export function oncePerEnvironment<Environment extends object, Values>(
  read: (env: Environment) => Values,
): (env: Environment) => Values {
  const known = new WeakMap<Environment, { values: Values }>();
  return (env) => {
    let found = known.get(env);
    if (found === undefined) {
      found = { values: read(env) };
      known.set(env, found);
    }
    return found.values;
  };
}
