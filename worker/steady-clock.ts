/**
 * A clock for durations, in milliseconds: as `now`, but where that is set back, it goes on from where it was. What is
 * to be tried again after seconds would else be tried again after as many hours as the clock was set back.
 */
export function steadyClock(now: () => number): () => number {
  let last = Number.NEGATIVE_INFINITY;
  let ahead = 0;
  return () => {
    const time = now();
    ahead = Math.max(ahead, last - time);
    last = time + ahead;
    return last;
  };
}
