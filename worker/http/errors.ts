/** The body of a request cannot be read as JSON. What it holds has not been looked at. */
export class BodyError extends Error {
  override readonly name = "BodyError";
  readonly reason: "media-type" | "encoding" | "too-large" | "too-slow" | "incomplete" | "not-json";

  constructor(reason: BodyError["reason"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/**
 * The model that a request wants cannot serve it now. The message is fit for any client; the cause, which may name what
 * the store holds, is for the log and for callers with the scope admin.
 */
export class ModelUnavailableError extends Error {
  override readonly name = "ModelUnavailableError";
}

/** A request names a model, or a version of one, that is not published. The message is fit for any client. */
export class UnknownModelError extends Error {
  override readonly name = "UnknownModelError";
}

/** A request without the token that its route needs. */
export class AccessError extends Error {
  override readonly name = "AccessError";
  readonly status: 401 | 403;
  /** The value of `www-authenticate`, RFC 6750. */
  readonly challenge: string;

  constructor(status: AccessError["status"], challenge: string, message: string) {
    super(message);
    this.status = status;
    this.challenge = challenge;
  }
}

/** A client has sent as many requests, or read as many keys from the store, as it may for now. */
export class RateLimitError extends Error {
  override readonly name = "RateLimitError";
}

/** A binding or variable of the Worker is missing or wrong. The message never quotes a secret. */
export class SettingError extends Error {
  override readonly name = "SettingError";
}
