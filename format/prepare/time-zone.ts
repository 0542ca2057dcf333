// Wall clock times of IANA time zones. Intl has their rules, in Node and in Workers alike; asking it takes some
// microseconds, so what it says of an hour is remembered.

const HOUR_MS = 3_600_000;
/** Hours that are remembered for a zone: half a year of them. */
const MAX_HOURS = 4096;

/** Whether this is the name of a time zone: Europe/Berlin, UTC. An offset such as +02:00 is none. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Milliseconds to add to a time of UTC, in milliseconds since 1970, for the wall clock time of a zone. */
export type ZoneOffset = (time: number) => number;

/** The offsets of a zone. */
export function zoneOffset(zone: string): ZoneOffset {
  if (/^(?:etc\/)?(?:utc|uct|gmt|zulu|greenwich|universal)$/i.test(zone)) return () => 0;
  const clock = new Intl.DateTimeFormat("en", {
    timeZone: zone,
    calendar: "gregory",
    numberingSystem: "latn",
    hourCycle: "h23",
    ...{ era: "short", year: "numeric", month: "numeric", day: "numeric" },
    ...{ hour: "numeric", minute: "numeric", second: "numeric" },
  });
  const exact = (time: number): number => {
    const seconds = Math.floor(time / 1000) * 1000;
    const parts = new Map(clock.formatToParts(seconds).map(({ type, value }) => [type, value]));
    const part = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type));
    const year = parts.get("era") === "BC" ? 1 - part("year") : part("year");
    const wall = new Date(Date.UTC(2000, part("month") - 1, part("day"), part("hour"), part("minute"), part("second")));
    return wall.setUTCFullYear(year, part("month") - 1, part("day")) - seconds;
  };
  const known = new Map<number, number | null>();
  return (time) => {
    const hour = Math.floor(time / HOUR_MS);
    let offset = known.get(hour);
    if (offset === undefined) {
      const begin = exact(hour * HOUR_MS);
      // Null: the zone's clocks are changed within the hour.
      offset = begin === exact((hour + 1) * HOUR_MS - 1) ? begin : null;
      if (known.size === MAX_HOURS) known.clear();
      known.set(hour, offset);
    }
    return offset ?? exact(time);
  };
}
