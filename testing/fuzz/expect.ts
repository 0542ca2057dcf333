/**
 * The longest that a call may take. A mutant has at most some kilobytes of weights, so this is a thousand times what it
 * takes.
 */
const CALL_MS = 1000;
/** How often a slow call is taken again: other processes may stop this one for longer than that, but not each time. */
const TRIES = 3;

/** Throws, which is a find, unless the condition holds. */
export function expect(condition: boolean, problem: string): void {
  if (!condition) throw new Error(problem);
}

/**
 * Returns what a call returns, and throws where it took too long. It measures afterwards; a call that does not end at
 * all is for the watchdog.
 */
export function timed(name: string, call: () => number): number {
  let code = 0;
  for (let tries = TRIES; tries > 0; tries--) {
    const start = performance.now();
    code = call();
    if (performance.now() - start <= CALL_MS) return code;
  }
  throw new Error(`${name} took more than ${CALL_MS} ms, ${TRIES} times`);
}
