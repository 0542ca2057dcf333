// The Worker whose entries tests call, through which each request has a context of its own, as when deployed.

export { default, Scoring } from "../../worker/index.ts";
export { FaultyWorker } from "./faulty-worker.ts";
export { FrontWorker } from "./rerank/front-worker.ts";
export { OriginWorker } from "./rerank/origin-worker.ts";
export { RpcWorker } from "./rpc-worker.ts";
