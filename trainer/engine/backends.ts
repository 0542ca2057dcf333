// What TensorFlow.js's backends are, without TensorFlow.js, which takes a third of a second to load.

/** TensorFlow.js's backends, fastest first: the order in which they are tried. */
export const BACKENDS = ["tfjs-node-gpu", "tfjs-node", "wasm", "cpu"] as const;
export type Backend = (typeof BACKENDS)[number];

/** A backend that has been started: what it is and computes on, not what was asked for. */
export interface RunningBackend {
  name: Backend;
  device: "gpu" | "cpu";
  /** Threads that compute; null on a GPU. */
  threads: number | null;
  /** The versions of the backend's package and library. */
  versions: Record<string, string>;
  /** A native backend's environment variables that change its numbers; null for one that is not set. */
  variables?: Record<string, string | null>;
}

/** A backend as one line of text. */
export function backendText({ name, device, threads, versions }: RunningBackend): string {
  const version = versions.tensorflow ? `TensorFlow ${versions.tensorflow}` : Object.values(versions)[0];
  const where = threads === null ? device.toUpperCase() : `${threads} ${threads === 1 ? "thread" : "threads"}`;
  return `${name} ${version} (${where})`;
}
