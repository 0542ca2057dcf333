// Who can race: our engines on their backends, and their peers, which are Python's.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Backend } from "../../trainer/engine/backends.ts";

/** What trains in the race: an engine of ours on so many threads, or a peer. */
export interface Entrant {
  engine: string;
  threads: number;
  /** The program of a peer's Python; null for ours. */
  python: string | null;
}

/** What others are compared with. */
export const ASSEMBLY = "assembly";
/** The same where V8 sees no AVX2, so that it computes with 128 bits at a time. It races where it is asked for. */
export const NARROW = "assembly-narrow";
/** The flags of Node.js for an entrant of ours. */
export const NODE_FLAGS: Readonly<Record<string, readonly string[]>> = { [NARROW]: ["--no-enable-avx2"] };

/** The name of TensorFlow.js on one of its backends. */
export function engineName(backend: Backend): string {
  return backend.startsWith("tfjs-") ? backend : `tfjs-${backend}`;
}

/** Ours, in the order in which they race. A native backend that is not installed is left out by itself. */
const OURS = [ASSEMBLY, NARROW, ...(["wasm", "tfjs-node", "tfjs-node-gpu"] as const).map(engineName)];
/** What uses one thread whatever it is told. */
const ONE_THREAD = [engineName("wasm")];

/** What bench/peers/train.py can be, and the module that each needs. */
const PEERS = {
  "torch-sparse": "torch",
  "torch-compile": "torch",
  "torch-dense": "torch",
  fuxictr: "fuxictr",
  "deepctr-torch": "deepctr_torch",
};

/** Everyone by name, there or not. */
export const ENTRANTS: readonly string[] = [...OURS, ...Object.keys(PEERS)];

/** Whether it keeps no gradient of the whole table. */
export function isSparse({ engine, python }: Entrant): boolean {
  return python === null || engine === "torch-sparse" || engine === "torch-compile";
}

const HOW_TO_GET_PEERS = "see bench/peers/README.md";
/** Where the commands of that page install them. */
const OWN_PYTHON = fileURLToPath(new URL("../peers/venv/bin/python", import.meta.url));

/**
 * Everyone on each number of threads. `asked`: the Python that has the peers, or "none"; by default that of bench/peers
 * where it is installed, or the system's.
 */
export function entrantsOf(threads: readonly number[], asked: string | undefined): Entrant[] {
  const python = asked === "none" ? null : (asked ?? (existsSync(OWN_PYTHON) ? OWN_PYTHON : "python3"));
  const peers = python ? peersOf(python) : [];
  if (python && peers.length === 0) console.log(`without peers, which ${python} lacks: ${HOW_TO_GET_PEERS}`);
  return threads.flatMap((count) => [
    ...OURS.filter((engine) => count === 1 || !ONE_THREAD.includes(engine)).map(
      (engine): Entrant => ({ engine, threads: count, python: null }),
    ),
    ...peers.map((engine): Entrant => ({ engine, threads: count, python })),
  ]);
}

/** The peers that a Python has. */
function peersOf(python: string): string[] {
  const find = "import importlib.util as u, sys; print(' '.join(m for m in sys.argv[1:] if u.find_spec(m)))";
  const modules = [...new Set(Object.values(PEERS))];
  const { stdout, status } = spawnSync(python, ["-c", find, ...modules], { encoding: "utf8" });
  const there = new Set(status === 0 ? stdout.trim().split(" ") : []);
  return Object.entries(PEERS).flatMap(([name, module]) => (there.has(module) ? [name] : []));
}
