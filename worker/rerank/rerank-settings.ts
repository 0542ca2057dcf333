import { errorText, logError } from "../http/log.ts";
import { oncePerEnvironment } from "../settings/once-per-environment.ts";
import type { CompiledRoute } from "./compiled-routes.ts";
import { compileRoutes } from "./compiled-routes.ts";
import type { OriginSetting, RerankBindings } from "./rerank-bindings.ts";

/** Routes of an environment, and where their pages come from. */
export interface RerankSettings {
  routes: readonly CompiledRoute[];
  origin: OriginSetting;
}

/** Reads the settings of re-ranking once from an environment. They do not depend on others, which may be wrong. */
export class RerankSettingsReader {
  readonly #routes = oncePerEnvironment(({ RERANK_ROUTES }: RerankBindings) => this.#routesOf(RERANK_ROUTES));
  #logged = "";

  /**
   * Null: the Worker is in front of no origin. Where routes are wrong there are none, and the log says why: a site must
   * not be gone for a wrong selector.
   */
  read(env: RerankBindings): RerankSettings | null {
    const { RERANK_ROUTES: setting, ORIGIN: origin } = env;
    return setting === undefined || setting === "" ? null : { routes: this.#routes(env), origin };
  }

  #routesOf(setting: unknown): CompiledRoute[] {
    try {
      return compileRoutes(setting);
    } catch (error) {
      const text = errorText(error);
      if (text !== this.#logged) logError("rerank_routes_refused", error);
      this.#logged = text;
      return [];
    }
  }
}
