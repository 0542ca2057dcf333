import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { unstable_startWorker } from "wrangler";
import { UserError } from "../trainer/errors.ts";
import { endWorkerdsWithThisProcess } from "../trainer/io/children.ts";
import { QUIET } from "./wrangler.ts";

type StartOptions = Parameters<typeof unstable_startWorker>[0];

/** A Worker that runs in workerd on this machine until it is disposed. */
export interface LocalServer extends AsyncDisposable {
  url: URL;
}

export interface DevServerOptions {
  /** 0, the default, is a free one. */
  port?: number;
  /** The folder of the local KV. Default: beside the configuration. */
  persistTo?: string;
  /** In place of those that the configuration has. */
  bindings?: NonNullable<StartOptions["bindings"]>;
}

/** Milliseconds that a Worker may take to start. It takes 2 s, and on a busy machine ten times as long. */
const START_MS = 120_000;
/** Milliseconds that what has failed to start may take to end. */
const STOP_MS = 10_000;

const HOST = "127.0.0.1";

/**
 * Starts the Worker that a configuration of wrangler describes, on a port of loopback; 0 is a free one. Throws
 * UserError where it cannot start: the port is taken, the build fails, workerd ends, or it takes too long.
 */
export async function startDevServer(
  config: string,
  { port = 0, persistTo, bindings }: DevServerOptions = {},
): Promise<LocalServer> {
  if (port !== 0) await checkPort(port);
  Object.assign(process.env, QUIET);
  endWorkerdsWithThisProcess();
  const { unstable_DevEnv: DevEnv } = await import("wrangler");
  const environment = new DevEnv();
  // `unstable_startWorker` hides these events, and then waits for a Worker that is never ready.
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => {}); // it may fail when nothing waits for it any more
  for (const event of ["error", "buildFailed"]) environment.on(event, (fault) => reject(startFault(fault)));
  const { promise: loaded, resolve: load } = Promise.withResolvers<void>();
  environment.once("reloadComplete", () => load()); // `ready` is the proxy before the Worker
  const late = setTimeout(
    () => reject(new UserError(`the Worker of ${config} did not start in ${START_MS / 1000} s`)),
    START_MS,
  );
  const options: StartOptions = {
    config,
    build: { custom: { command: "" } }, // the kernels are there: whoever starts a server has built them
    ...(bindings && { bindings }),
    dev: {
      ...(persistTo !== undefined && { persist: persistTo }),
      server: { hostname: HOST, port },
      inspector: false,
      watch: false,
      logLevel: "error",
    },
  };
  try {
    const worker = await Promise.race([environment.startWorker(options), failed]);
    await Promise.race([Promise.all([worker.ready, loaded]), failed]);
    return { url: await Promise.race([worker.url, failed]), [Symbol.asyncDispose]: () => worker.dispose() };
  } catch (error) {
    // Its own end may wait for a part that never started; this process's end then ends what is left.
    await Promise.race([environment.teardown().catch(() => {}), sleep(STOP_MS, undefined, { ref: false })]);
    throw startFault(error);
  } finally {
    clearTimeout(late);
  }
}

/** Throws UserError where a port of loopback cannot be listened at. */
export async function checkPort(port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const server = createServer().once("error", reject);
  try {
    server.listen({ host: HOST, port, exclusive: true }, resolve);
    await promise;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const what = code === "EADDRINUSE" ? "another process listens there" : message;
    throw new UserError(`port ${port}: ${what}; choose another one, or none for a free one`, { cause: error });
  } finally {
    server.close();
  }
}

/** The error for a fault of DevEnv: an error, or an event with a reason. Both may have causes, which say more. */
function startFault(fault: unknown): UserError {
  if (fault instanceof UserError) return fault;
  const says: string[] = [];
  for (let at = fault; typeof at === "object" && at !== null; at = "cause" in at ? at.cause : null) {
    if ("reason" in at && typeof at.reason === "string") says.push(at.reason);
    if ("message" in at && typeof at.message === "string") says.push(at.message);
  }
  return new UserError(`the Worker did not start: ${says.join(": ")}`, { cause: fault });
}
