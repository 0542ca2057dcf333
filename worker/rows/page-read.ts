import type { AnyPage, PageUses } from "./page-uses.ts";

/**
 * How a read ended. read: its pages are there, but for those that are missing or broken. failed: the source failed.
 * refused: the client that began it may read no more keys for now.
 */
export type Outcome = "read" | "failed" | "refused";

/** A bulk read that is under way, or was. Requests share it. */
export class PageRead {
  readonly startedAt: number;
  /** Whether the client that began it may read; a request that was failed by another client joins no other read. */
  charged: boolean;
  /** How many of its pages were found in the cache of the location, which bills nothing. */
  nearby = 0;
  /** Never rejects. It may never settle, where the request that began it was killed. */
  readonly done: Promise<Outcome>;
  readonly #pages = new Map<string, AnyPage>();
  readonly #uses: PageUses;
  /** How many requests are to take pages of it. */
  #joined = 0;
  #ended = false;

  constructor(startedAt: number, charged: boolean, uses: PageUses, perform: (read: PageRead) => Promise<Outcome>) {
    this.startedAt = startedAt;
    this.charged = charged;
    this.#uses = uses;
    this.done = perform(this).finally(() => {
      this.#ended = true;
      this.#giveUpPages();
    });
  }

  /** The page that it has brought of an identity, for those that have joined it. */
  page(identity: string): AnyPage | undefined {
    return this.#pages.get(identity);
  }

  /** A page that comes when the read was given up is nobody's. */
  add(identity: string, page: AnyPage): void {
    if (this.#ended) return;
    this.#pages.set(identity, page);
    this.#uses.begin(page);
  }

  /** Keeps what it brings until `leave`. */
  join(): void {
    this.#joined++;
  }

  leave(): void {
    this.#joined--;
    this.#giveUpPages();
  }

  /** A request that joined and was killed never leaves: the pages are then given up with the read itself. */
  #giveUpPages(): void {
    if (!this.#ended || this.#joined > 0) return;
    for (const page of this.#pages.values()) this.#uses.end(page);
    this.#pages.clear();
  }
}
