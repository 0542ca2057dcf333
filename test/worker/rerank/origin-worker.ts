import { WorkerEntrypoint } from "cloudflare:workers";

type Answer = (request: Request) => Response | Promise<Response>;

let answer: Answer = () => new Response("nobody has said what the origin answers", { status: 500 });
let asked: Request[] = [];

/** Says what the origin answers. Returns the requests that it gets from here on. */
export function originAnswers(next: Answer): readonly Request[] {
  answer = next;
  asked = [];
  return asked;
}

/** An origin that tests speak for. Requests and answers cross as over any service binding. */
export class OriginWorker extends WorkerEntrypoint<Env> {
  override async fetch(request: Request): Promise<Response> {
    asked.push(request);
    return answer(request);
  }
}
