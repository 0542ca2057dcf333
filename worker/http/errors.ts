/** A request whose body cannot be read as JSON, before its content is looked at. */
export class BodyError extends Error {
  override readonly name = "BodyError";
  readonly reason: "media-type" | "too-large" | "not-json";

  constructor(reason: BodyError["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** No model serves; the message says why, in words fit for a client. */
export class ModelUnavailableError extends Error {
  override readonly name = "ModelUnavailableError";
}
