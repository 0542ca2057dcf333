/** The body of a request cannot be read as JSON. What it holds has not been looked at. */
export class BodyError extends Error {
  override readonly name = "BodyError";
  readonly reason: "media-type" | "too-large" | "not-json";

  constructor(reason: BodyError["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** No model serves. The message says why, in words that are fit for a client. */
export class ModelUnavailableError extends Error {
  override readonly name = "ModelUnavailableError";
}
