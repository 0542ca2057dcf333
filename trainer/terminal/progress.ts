import { Presets, SingleBar } from "cli-progress";

/** A piece of long work that reports how far it is. */
export interface Task {
  /** `note`: what is shown beside the progress from now on. */
  advance(steps: number, note?: string): void;
  /** Ends it, with a line of how much was done in what time; `note` takes the place of the last one. */
  done(note?: string): void;
}

/** A task as a terminal shows it. Its bar has a timer and hides the cursor until the task is done or disposed of. */
export interface ShownTask extends Task, Disposable {}

/** A length of time in the unit that suits it. */
export function durationText(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The name of the longer work that tasks are part of, before theirs. */
let outer = "";

/** Runs work of many tasks. Their bars carry its name, and they print no lines of their own. */
export async function within<T>(name: string, work: () => Promise<T>): Promise<T> {
  outer = `${name}: `;
  try {
    return await work();
  } finally {
    outer = "";
  }
}

/** Prints a line of progress, but not within longer work. */
export function say(line: string): void {
  if (outer === "") process.stderr.write(`${line}\n`);
}

const formatCount = new Intl.NumberFormat("en");

/**
 * Starts a task of `total` units, or null where that is not known. A terminal shows a bar with the rate and the time
 * left, anything else gets one line at the end. Progress goes to stderr, so that stdout holds results only. Whoever
 * starts a task ends it, even where it fails: `using task = startTask(…)`.
 */
export function startTask(name: string, total: number | null, unit: string): ShownTask {
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
    [Symbol.dispose]() {
      bar?.stop();
    },
  };
}
