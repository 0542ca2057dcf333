import type { KernelVariant } from "../../../runtime/variant.ts";
import { type TrainingKernels, trainingKernels, trainingModule } from "./kernels.ts";
import type { LinearMemory } from "./memory.ts";
import type { TeamMessage } from "./thread-data.ts";
import { type Callable, callThreads, dismissThreads, lostThreadError, watchTeam } from "./threads.ts";

/** Threads take a tenth of a second to start, which is not worth while for a model that is computed in no time. */
const PARTS_WORTH_A_CALL = 64;

let teams = 0;

/** The threads that compute with an engine's kernels in its memory: the one that has the engine, and helpers. */
export class Team {
  readonly kernels: TrainingKernels;
  readonly #called: Callable | null;
  readonly #leastWork: number;

  /** `widest`: the most units of a layer. `leastWork`: the operations that a part of a kernel's work has at least. */
  constructor(memory: LinearMemory, variant: KernelVariant, threads: number, widest: number, leastWork: number) {
    // What was computed before is likely to be done with, and its memory can go.
    dismissThreads();
    const module = trainingModule(variant);
    const kernels = trainingKernels(variant, memory.memory);
    const block = memory.allocate(kernels.blockBytes());
    const scratch = memory.allocate(kernels.teamScratchBytes(threads, widest));
    kernels.lead(block, scratch, widest, leastWork);
    this.kernels = kernels;
    this.#leastWork = PARTS_WORTH_A_CALL * leastWork;
    const id = ++teams;
    const message: TeamMessage = { team: id, module, memory: memory.memory, block, scratch, widest };
    const called = { id, version: 0, helpers: threads - 1, message, setCall: (call: number) => kernels.setCall(call) };
    this.#called = threads > 1 ? called : null;
    // A thread that gets a memory while it grows may take it to be smaller than it is: it gets it again.
    memory.onGrow = () => {
      called.version++;
      dismissThreads(called);
    };
    watchTeam(this, id);
  }

  /**
   * To be called before kernels are. Calls the helpers, unless they are here or the kernels have less than a
   * millisecond of `work`, in operations. Throws where one has failed.
   */
  enter(work: number): void {
    if (this.#called && work >= this.#leastWork) callThreads(this.#called);
  }

  /** Throws where a thread has failed since, so that what was computed is worth nothing. */
  check(): void {
    if (this.kernels.isLost()) throw lostThreadError();
  }
}
