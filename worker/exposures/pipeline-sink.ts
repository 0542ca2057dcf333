import type { LineSink } from "./line-sink.ts";

/** What is used of a binding of Cloudflare Pipelines, whose stream takes records as objects. */
export interface PipelineBinding {
  send(records: object[]): Promise<void>;
}

const decoder = new TextDecoder();

/** Sends lines to a pipeline. A pipeline's stream has one form of records, so that each kind of lines has its own. */
export function pipelineSink(pipeline: PipelineBinding): LineSink {
  return { send: (_kind, lines) => pipeline.send(lines.map((line) => JSON.parse(decoder.decode(line)))) };
}
