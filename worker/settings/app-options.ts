import type { ExposureSink } from "../experiments/exposure-sink.ts";
import type { KernelModule } from "../models/kernel-modules.ts";
import { DEFAULT_SETTINGS, type DefaultBindings } from "./default-settings.ts";
import type { Settings } from "./settings.ts";

export interface AppOptions<Bindings extends object = DefaultBindings>
  extends Partial<Omit<Settings<Bindings>, "playground">> {
  /** Whether GET / is the playground, wherever it runs or by its environment. Default: PLAYGROUND, or true. */
  playground?: boolean | Settings<Bindings>["playground"];
  /** Default: the fastest of the three builds that the engine runs. */
  kernel?: KernelModule;
  /** Bytes of memory for cached rows, at most 32 MiB, which is the default. Models that need it take it from there. */
  cachedRowBytes?: number;
  /** Where lines of the exposure log go. Default: in batches to what `exposureSink` says. */
  exposures?: ExposureSink;
  /** Milliseconds since the epoch. Default: Date.now. */
  now?: () => number;
}

/** The settings of an app with these options. Handlers know no type of bindings. */
export function settingsOf<Bindings extends object>(options: AppOptions<Bindings>): Settings<object> {
  const { kernel: _kernel, cachedRowBytes: _bytes, now: _now, exposures: _sink, playground, ...own } = options;
  const given = Object.entries(own).filter(([, setting]) => setting !== undefined);
  return {
    ...DEFAULT_SETTINGS,
    ...Object.fromEntries(given),
    playground: typeof playground === "boolean" ? () => playground : (playground ?? DEFAULT_SETTINGS.playground),
  } as Settings<object>;
}
