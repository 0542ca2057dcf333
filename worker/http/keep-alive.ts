/** Keeps the runtime from ending work when its request has been answered: `ctx.waitUntil`. */
export type KeepAlive = (promise: Promise<unknown>) => void;
