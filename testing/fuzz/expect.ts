/** What any call may take. A mutant has at most some kilobytes of weights, so this is a thousand times what it takes. */
const CALL_MS = 1000;
/** Other processes may stop this one for longer than a call may take, but not each time. */
const TRIES = 3;

/** Throws unless the condition holds: a find. */
export function expect(condition: boolean, problem: string): void {
  if (!condition) throw new Error(problem);
}

/** What a call returns. Measured after the fact: a call that does not end at all is for the watchdog. */
export function timed(name: string, call: () => number): number {
  let code = 0;
  for (let tries = TRIES; tries > 0; tries--) {
    const start = performance.now();
    code = call();
    if (performance.now() - start <= CALL_MS) return code;
  }
  throw new Error(`${name} took more than ${CALL_MS} ms, ${TRIES} times`);
}
