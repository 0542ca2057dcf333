import { Presets, SingleBar } from "cli-progress";

/** A piece of long work that reports how far it is. */
export interface Task {
  advance(steps: number, note?: string): void;
  done(note?: string): void;
}

/** A time as people say it. */
export function durationText(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** What longer work the tasks are part of. */
let outer = "";

/** Runs work of many tasks: their bars carry its name, and they leave no lines of their own behind. */
export async function within<T>(name: string, work: () => Promise<T>): Promise<T> {
  outer = `${name}: `;
  try {
    return await work();
  } finally {
    outer = "";
  }
}

/** A line of progress, left out within longer work. */
export function say(line: string): void {
  if (outer === "") process.stderr.write(`${line}\n`);
}

const formatCount = new Intl.NumberFormat("en");

/**
 * Starts a task of `total` units: a bar with rate and time left in a terminal, elsewhere one line at its end.
 * Progress goes to stderr, so that stdout holds results only.
 */
export function startTask(name: string, total: number | null, unit: string): Task {
  const started = performance.now();
  const seconds = (): number => Math.max((performance.now() - started) / 1000, 1e-3);
  let steps = 0;
  const rate = (): string => `${formatCount.format(Math.round(steps / seconds()))} ${unit}/s`;

  const bar = process.stderr.isTTY
    ? new SingleBar(
        {
          stream: process.stderr,
          clearOnComplete: true,
          hideCursor: true,
          format:
            total === null
              ? `${outer}${name}  {value} ${unit}  {rate}  {note}`
              : `${outer}${name} {bar} {percentage} %  {rate}  {eta_formatted} left  {note}`,
        },
        Presets.shades_classic,
      )
    : null;
  let note = "";
  bar?.start(total ?? 0, 0, { rate: "", note });
  return {
    advance(by, text) {
      steps += by;
      note = text ?? note;
      bar?.update(steps, { rate: rate(), note });
    },
    done(text) {
      bar?.stop();
      const end = text ?? note;
      const amount =
        steps > 0
          ? `${formatCount.format(steps)} ${unit} in ${seconds().toFixed(1)} s (${rate()})`
          : `${seconds().toFixed(1)} s`;
      say(`${name}: ${amount}${end ? `  ${end}` : ""}`);
    },
  };
}
