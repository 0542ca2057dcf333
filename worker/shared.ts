import type { RouteOptions } from "./route-options.ts";

const ofApp = new WeakMap<object, RouteOptions>();

/** Remembers what an application's routes share, for what else serves beside it in the same isolate. */
export function share(app: object, options: RouteOptions): void {
  ofApp.set(app, options);
}

/** What the routes of an application share. Throws where it is none that `createApp` made. */
export function sharedBy(app: object): RouteOptions {
  const options = ofApp.get(app);
  if (!options) throw new TypeError("got another application, expected one that createApp made");
  return options;
}
