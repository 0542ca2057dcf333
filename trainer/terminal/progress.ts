import { counted } from "../../format/counted.ts";
import { clearStatus, hasStatus, showStatus } from "./status-line.ts";

/** A piece of long work that reports how far it is. */
export interface Task {
  /** `note`: what is shown beside the progress from now on. */
  advance(steps: number, note?: string): void;
  /** Ends it, with a line of how much was done in what time; `note` takes the place of the last one. */
  done(note?: string): void;
}

/** A task as a terminal shows it. Its bar is there until the task is done or disposed of. */
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
  if (outer !== "") return;
  clearStatus();
  process.stderr.write(`${line}\n`);
}

/** Characters of a bar. */
const BAR_LENGTH = 20;
/** Milliseconds between two drawings of a bar: smooth to the eye, and nothing beside the work. */
const REDRAW_MS = 100;

/**
 * Starts a task of `total` steps, or null where that is not known. `noun`: what a step is; the symbol of a unit is its
 * own `plural`. A terminal shows a bar with the rate and the time left; anything else, and a terminal that calls itself
 * dumb, gets one line at the end. Progress goes to stderr, so that stdout holds results only. Whoever starts a task
 * ends it, even where it fails: `using task = startTask(…)`.
 *
 * A task's own steps draw its bar, and no timer does: a bar keeps no process alive, and takes no signal.
 */
export function startTask(name: string, total: number | null, noun: string, plural = `${noun}s`): ShownTask {
  const title = `${outer}${name}`;
  const started = performance.now();
  const seconds = (): number => Math.max((performance.now() - started) / 1000, 1e-3);
  let steps = 0;
  let note = "";
  let drawn = Number.NEGATIVE_INFINITY;
  const rate = (): string => `${counted(Math.round(steps / seconds()), noun, plural)}/s`;
  const amount = (): string => {
    if (total === null || total === 0) return ` ${counted(steps, noun, plural)}`;
    const share = Math.min(steps / total, 1);
    const full = Math.round(share * BAR_LENGTH);
    return `${"█".repeat(full)}${"░".repeat(BAR_LENGTH - full)} ${Math.floor(100 * share)} %`;
  };
  const left = (): string =>
    total === null || steps === 0 ? "" : `  ${durationText((Math.max(total - steps, 0) / steps) * seconds())} left`;
  const draw = (): void => {
    if (!hasStatus() || performance.now() - drawn < REDRAW_MS) return;
    showStatus(`${title} ${amount()}  ${rate()}${left()}  ${note}`.trimEnd());
    drawn = performance.now();
  };

  draw();
  return {
    advance(by, text) {
      steps += by;
      note = text ?? note;
      draw();
    },
    done(text) {
      clearStatus();
      const end = text ?? note;
      const sum =
        steps > 0
          ? `${counted(steps, noun, plural)} in ${seconds().toFixed(1)} s (${rate()})`
          : `${seconds().toFixed(1)} s`;
      say(`${name}: ${sum}${end ? `  ${end}` : ""}`);
    },
    [Symbol.dispose]: clearStatus,
  };
}
