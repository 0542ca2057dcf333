/** Keeps the runtime from ending work when its request has been answered: `ctx.waitUntil`. */
export type KeepAlive = (promise: Promise<unknown>) => void;

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
