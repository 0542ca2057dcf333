// The Worker whose entries tests call, through which each request has a context of its own, as when deployed.

export { default } from "../../worker/index.ts";
export { FaultyWorker } from "./faulty-worker.ts";
