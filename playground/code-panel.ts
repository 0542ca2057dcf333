import { byId, element, makeRegion } from "./dom.ts";
import { type Language, type SnippetRequest, snippet } from "./snippets.ts";
import { makeTabs } from "./tabs.ts";

/** The request as programs write it, and the answer as it came, each with a button that copies it. */
export class CodePanel {
  readonly #code = byId("code", HTMLPreElement);
  readonly #answer = byId("answer", HTMLPreElement);
  #language: Language = "curl";
  #request: SnippetRequest | null = null;

  constructor() {
    const panel = byId("code-panel", HTMLElement);
    makeTabs(byId("languages", HTMLElement), (name, tab) => {
      this.#language = name as Language;
      panel.setAttribute("aria-labelledby", tab.id);
      this.#show();
    });
    makeRegion(this.#code, "Program");
    makeRegion(this.#answer, "JSON");
    makeCopy(byId("copy-code", HTMLButtonElement), this.#code);
    makeCopy(byId("copy-answer", HTMLButtonElement), this.#answer);
  }

  set request(request: SnippetRequest) {
    this.#request = request;
    this.#show();
  }

  /** undefined: there is none yet. */
  set answer(json: unknown) {
    showCode(this.#answer, json === undefined ? "None yet." : JSON.stringify(json, null, 2));
  }

  #show(): void {
    showCode(this.#code, this.#request ? snippet(this.#language, this.#request) : "");
  }
}

/** Each quoted text stands for itself: one that is written from right to left turns nothing of its line around. */
function showCode(place: HTMLElement, code: string): void {
  const parts = code.split(/("(?:[^"\\]|\\.)*")/);
  place.replaceChildren(...parts.map((part, i) => (i % 2 === 1 ? element("bdi", {}, part) : part)));
}

/** Milliseconds that a button says what became of a press. */
const SAID_MS = 2_000;

function makeCopy(button: HTMLButtonElement, text: HTMLElement): void {
  const named = button.textContent;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent ?? "");
      button.textContent = "Copied";
    } catch {
      // Browsers refuse where a page did not come over https: then the text is selected, to be copied by hand.
      getSelection()?.selectAllChildren(text);
      button.textContent = "Selected";
    }
    byId("said", HTMLElement).textContent = button.textContent;
    setTimeout(() => {
      button.textContent = named;
    }, SAID_MS);
  });
}
