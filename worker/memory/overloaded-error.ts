/** There is no memory for a request or a model: not now, or never. The message is fit for a client. */
export class OverloadedError extends Error {
  override readonly name = "OverloadedError";
  /** Not even an idle isolate has so much. */
  readonly never: boolean;

  constructor(message: string, never: boolean) {
    super(message);
    this.never = never;
  }
}

/** `what`: the request or the model. `free`: the bytes that it could have. */
export function noRoomError(what: string, wanted: number, free: number, never: boolean): OverloadedError {
  const expected = never ? `at most ${free}` : `at most the ${Math.max(0, free)} that are free now`;
  return new OverloadedError(`got ${what} that takes ${wanted} bytes of memory, expected ${expected}`, never);
}
