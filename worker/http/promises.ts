/** Waits until `promise` settles, but no longer than `ms`. Returns whether it settled; rejects as `promise` does. */
export async function settledWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Milliseconds for several waits together. The time begins with the first of them. */
export class Deadline implements Disposable {
  readonly #ms: number;
  readonly #error: () => Error;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #late: Promise<never> | null = null;

  /** `error` makes what is thrown when the time is over. */
  constructor(ms: number, error: () => Error) {
    this.#ms = ms;
    this.#error = error;
  }

  /** Settles as `promise` does; rejects when the time is over. */
  race<T>(promise: Promise<T>): Promise<T> {
    this.#late ??= new Promise<never>((_resolve, reject) => {
      const end = (): void => reject(this.#error());
      // Where other work kept the isolate busy until now, what is waited for may be there, and only be noticed next.
      this.#timer = setTimeout(() => {
        this.#timer = setTimeout(end, GRACE_MS);
      }, this.#ms);
    });
    return Promise.race([promise, this.#late]);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/** Milliseconds between the end of a deadline's time and its rejection. */
const GRACE_MS = 50;
