// The playground: a model's fields as a form, what the Worker makes of them, and the request as programs write it.
import {
  type AboutAnswer,
  Api,
  type ExplainAnswer,
  type Model,
  type Problem,
  type RankedAnswer,
  type Reply,
  type ScoreAnswer,
  workerUrl,
} from "./api.ts";
import { CodePanel } from "./code-panel.ts";
import { unseenColumns } from "./columns.ts";
import { byId, element } from "./dom.ts";
import { explanationView } from "./explanation-view.ts";
import { type Mode, RequestForm } from "./request-form.ts";
import { rankView, remarks, scoreView, type View } from "./results.ts";
import { makeTabs } from "./tabs.ts";
import { timingText } from "./timing.ts";

const LABELS: Record<Mode, string> = { score: "Score", rank: "Rank", explain: "Explain" };

/** Digits of a version that tell it from others at a glance. */
const VERSION_DIGITS = 8;

const api = new Api(workerUrl(location));
const panel = byId("panel", HTMLElement);
const setup = byId("setup", HTMLFormElement);
const modelInput = byId("model", HTMLInputElement);
const loadButton = byId("load", HTMLButtonElement);
const tokenInput = byId("token", HTMLInputElement);
const notice = byId("notice", HTMLElement);
const request = byId("request", HTMLFormElement);
const send = byId("send", HTMLButtonElement);
const status = byId("status", HTMLElement);
const outdated = byId("outdated", HTMLElement);
const problems = byId("problems", HTMLElement);
const view = byId("view", HTMLElement);
const remarkList = byId("remarks", HTMLElement);
const timing = byId("timing", HTMLElement);

let mode: Mode = "score";
let model: Model | null = null;
/** What the model input said when the model was loaded. */
let reference = "";
/** Count what was asked and loaded, so that an answer that comes late does not replace a later one. */
let asked = 0;
let loaded = 0;

const form = new RequestForm(showRequest);
const code = new CodePanel();

/** The body, with the model where one is named. */
function bodyOf(): object {
  return { ...(reference && { model: reference }), ...form.body() };
}

function showRequest(): void {
  if (!model) return;
  code.request = { url: api.url, path: `/v1/${mode}`, body: bodyOf(), token: api.token !== "" };
  outdated.hidden = timing.textContent === "";
}

function clearResult(hint: string): void {
  asked++;
  status.textContent = hint;
  status.className = "hint";
  outdated.hidden = true;
  problems.hidden = true;
  remarkList.hidden = true;
  view.replaceChildren();
  timing.textContent = "";
  code.answer = undefined;
  panel.removeAttribute("aria-busy");
}

function setMode(next: Mode): void {
  mode = next;
  form.mode = mode;
  send.textContent = LABELS[mode];
  const needs = mode === "explain" && api.token === "" ? " It needs a token with the scope explain." : "";
  clearResult(`Press ${LABELS[mode]} to see the answer.${needs}`);
  showRequest();
}

/** Loads the fields of the model that is named, or of the default. */
async function load(): Promise<void> {
  api.token = tokenInput.value.trim();
  const named = modelInput.value.trim();
  const turn = ++loaded;
  setup.setAttribute("aria-busy", "true");
  loadButton.textContent = "Loading…";
  try {
    const showFound = await find(named);
    if (turn === loaded) showFound();
  } catch (error) {
    if (turn === loaded) refuse({ detail: unreached(error) });
  } finally {
    if (turn === loaded) {
      setup.removeAttribute("aria-busy");
      loadButton.textContent = "Load";
    }
  }
}

/** Asks for a model's fields. Resolves to what shows them, or says why there are none. */
async function find(named: string): Promise<() => void> {
  // A model is not listed before a request has named it.
  const known = named === "" ? null : await api.post<ScoreAnswer>("/v1/score", { model: named, records: [] });
  if (known?.problem) return () => refuse(known.problem, known);
  const listed = await api.models();
  if (!listed.answer) return () => refuse(listed.problem, listed);
  const { models } = listed.answer;
  const found = known?.answer
    ? models.find((one) => one.model === known.answer?.model && one.version === known.answer?.version)
    : models[0];
  return () => {
    byId("models", HTMLElement).replaceChildren(...models.map((one) => element("option", { value: one.model })));
    if (found) show(found, named);
    else refuse({ detail: `got no fields of ${named}: another isolate answered; load it again` });
  };
}

function show(found: Model, named: string): void {
  // What is in the form stays where only the token is another.
  const stays = model?.version === found.version && model.examples?.length === found.examples?.length;
  model = found;
  reference = named;
  notice.hidden = true;
  byId("loaded", HTMLElement).hidden = false;
  const version = found.version.slice(0, VERSION_DIGITS);
  const which = found.default ? ", the default" : "";
  byId("serving", HTMLElement).textContent = `Model ${found.model}${which} · version ${version}`;
  byId("origin", HTMLElement).textContent = found.examples
    ? "Examples are held-out records of the log."
    : "The example is made up; a token with the scope admin shows records of the log.";
  byId("example", HTMLButtonElement).hidden = (found.examples ?? []).length < 2;
  if (!stays) form.build(found);
  setMode(mode);
}

function refuse(
  problem: Pick<Problem, "detail" | "title" | "status"> | { detail: string } | null,
  reply?: Reply<unknown>,
): void {
  const title = problem && "title" in problem ? `${problem.title}: ` : "";
  notice.textContent = problem === null ? "" : title + sentences(problem, reply);
  notice.hidden = false;
}

/** What a problem is, and what the visitor can do about it. */
function sentences({ detail, status: code }: { detail: string; status?: number }, reply?: Reply<unknown>): string {
  const retry = reply?.retryAfter ? ` Try again in ${reply.retryAfter} s.` : "";
  const advice = code === 401 || code === 403 ? " Put such a token above, and load." : "";
  return `${detail}.${retry}${advice}`;
}

/** Says at the result why there is none. */
function fail(why: string): void {
  status.textContent = why;
  status.className = "wrong";
}

function unreached(error: unknown): string {
  return `no answer came: ${error instanceof Error ? error.message : String(error)}`;
}

const VIEWS: Record<Mode, (answer: never) => View> = {
  score: (answer: ScoreAnswer) => scoreView(answer),
  rank: (answer: RankedAnswer) => rankView(answer),
  explain: (answer: ExplainAnswer) => explanationView(answer),
};

async function ask(): Promise<void> {
  if (!model) return load();
  clearResult("Asking…");
  const turn = asked;
  panel.setAttribute("aria-busy", "true");
  try {
    const reply = await api.post<AboutAnswer>(`/v1/${mode}`, bodyOf() as never);
    if (turn === asked) showReply(reply);
  } catch (error) {
    if (turn === asked) fail(unreached(error));
  } finally {
    if (turn === asked) panel.removeAttribute("aria-busy");
  }
}

function showReply(reply: Reply<AboutAnswer>): void {
  const { answer, problem, json, ms } = reply;
  code.answer = json;
  timing.textContent = timingText(reply.timing, ms);
  const others = form.judge(problem, unseenColumns(model?.fields ?? [], answer?.unseen ?? {}));
  if (problem) {
    fail(problem.title);
    const list = others.map(({ pointer, detail }) =>
      element("li", {}, element("code", {}, pointer || "/"), ` ${detail}`),
    );
    const text = problem.errors ? null : element("p", {}, sentences(problem, reply));
    problems.replaceChildren(...[text, element("ul", {}, ...list)].filter((node) => node !== null));
    problems.hidden = text === null && list.length === 0;
    form.focusWrong();
    return;
  }
  const { summary, content, showsIt } = VIEWS[mode](answer as never);
  status.textContent = summary;
  status.className = showsIt ? "only-read" : "hint";
  view.replaceChildren(...content);
  const says = answer ? remarks(answer) : [];
  remarkList.replaceChildren(...says.map((text) => element("li", {}, text)));
  remarkList.hidden = says.length === 0;
}

makeTabs(byId("modes", HTMLElement), (name, tab) => {
  panel.setAttribute("aria-labelledby", tab.id);
  setMode(name as Mode);
});
setup.addEventListener("submit", (event) => {
  event.preventDefault();
  load();
});
request.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
request.addEventListener("input", showRequest);
for (const [id, act] of [
  ["example", () => form.nextExample()],
  ["clear", () => form.clear()],
] as const)
  byId(id, HTMLButtonElement).addEventListener("click", () => {
    act();
    showRequest();
  });
byId("openapi", HTMLAnchorElement).href = `${api.url}/openapi.json`;
load();
