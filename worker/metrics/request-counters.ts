import { DurationHistogram } from "./durations.ts";
import { type MetricFamily, type Series, sharedCounter } from "./exposition.ts";
import type { Handled } from "./handled.ts";

/** What OpenTelemetry calls methods that nobody has defined, so that they make no series each. */
const OTHER_METHOD = "_OTHER";
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]);

/** What this isolate has answered since it started, over HTTP and over RPC. */
export class RequestCounters {
  readonly #http = new DurationHistogram("http_request_method", "http_route", "http_response_status_code");
  readonly #rpc = new DurationHistogram("rpc_method", "status_code");
  /** By the name of the problem: scoring requests that were answered with it. */
  readonly #failures = new Map<string, number>();

  add({ by, route, status, problem, ms, scores }: Handled): void {
    if (by === "rpc") this.#rpc.add([route, String(status)], ms / 1000);
    else this.#http.add([METHODS.has(by) ? by : OTHER_METHOD, route, String(status)], ms / 1000);
    if (scores && problem !== null) this.#failures.set(problem, (this.#failures.get(problem) ?? 0) + 1);
  }

  /** What is counted, in the families of Prometheus. */
  families(): MetricFamily[] {
    return [
      this.#http.family("http_server_request_duration_seconds", "Seconds until a request was answered over HTTP."),
      this.#rpc.family("rpc_server_call_duration_seconds", "Seconds until a call was answered over a service binding."),
      sharedCounter(
        "nv_inference_request_failure",
        "Scoring requests that were answered with a problem, by its type.",
        Array.from(this.#failures, ([reason, count]): Series => [{ reason }, count]),
      ),
    ];
  }
}
