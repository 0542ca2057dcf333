import { makeRequestId } from "../../format/request-id.ts";
import type { Assigned, Visit } from "../experiments/visit.ts";
import { withdrawnCookies } from "../experiments/visitor.ts";
import type { RouteOptions } from "../route-options.ts";
import type { SettingValues } from "../settings/settings.ts";
import {
  type Arranged,
  type Arranging,
  type AskedPage,
  type BeginArranging,
  type Begun,
  type FoundList,
  NOT_ARRANGED,
} from "./arranging.ts";
import { clickCookie } from "./click-cookie.ts";
import { scoreEarly } from "./early-scoring.ts";
import { PageList } from "./page-list.ts";
import type { Why } from "./why.ts";

/**
 * Arranges lists as the arms of the visitor's experiments say, and has each logged as it goes out. A list's name in its
 * route is its name in the payload. Lists that the visitor is in no experiment about are arranged by `plain`.
 */
export function experimentArranging(options: RouteOptions, plain: BeginArranging): BeginArranging {
  return async function begin(page) {
    const settings = options.settings.readOrNull(page.env);
    const logs = options.logSettings.read(page.env);
    if (!settings) return plain(page);
    const visitor = visitorOf(page);
    const visit = await options.experiments.begin(visitor, { ...settings, logs }, page.keepAlive);
    if (!visit) {
      const others = await plain(page);
      return { ...others, cookies: [...withdrawnCookies(visitor, settings.experiments), ...others.cookies] };
    }
    const lists = assignedLists(page, visit, settings, options);
    const models = Array.from(lists.values(), (list) => list.models);
    scoreEarly(page, models.flat(), options);
    // Nothing is begun for another order where each list has an arm.
    const others = lists.size < page.route.lists.length ? await plain(page) : NOT_ARRANGED;
    const cookies = [...visit.cookies(), ...others.cookies];
    if (lists.size === 0) return { ...others, cookies };
    return ofExperiments(page, visit, lists, { ...others, cookies }, options.now());
  };
}

function visitorOf({ request, context }: AskedPage) {
  const { headers, method, url } = request;
  return { headers, method, url, context };
}

/** The page's lists that have an arm, by their names. */
function assignedLists(
  page: AskedPage,
  visit: Visit,
  settings: SettingValues,
  options: RouteOptions,
): Map<string, PageList> {
  const lists = new Map<string, PageList>();
  // One time for all, by which their ids are known to be of one page.
  const now = options.now();
  for (const { name } of page.route.lists) {
    const assigned = visit.assign(name);
    if (!assigned) continue;
    const id = idOf(assigned, visit, now);
    lists.set(name, new PageList({ assigned, visit, id, page, settings, options }));
  }
  return lists;
}

/** The id that events name; null: the list is in no experiment, and nothing of it is logged. */
function idOf({ unit }: Assigned, { keys }: Visit, now: number): string | null {
  return unit ? makeRequestId(keys.signing, now) : null;
}

function ofExperiments(
  page: AskedPage,
  visit: Visit,
  lists: ReadonlyMap<string, PageList>,
  { arranging: plain, cookies }: Begun,
  now: number,
): Begun {
  const arranging: Arranging = {
    async arrange(found: FoundList): Promise<Arranged> {
      const own = lists.get(found.name);
      if (own) return own.arrange(found);
      return plain ? plain.arrange(found) : { shown: found.ids.map((_, i) => i) };
    },
    sent(list: string, why: Why | null): void {
      const own = lists.get(list);
      if (own) own.sent(why);
      else plain?.sent?.(list, why);
    },
  };
  const logged = [...lists.values()].filter(({ id }) => id !== null);
  const cookie = clickCookie(page, visit, logged, now);
  return {
    ...{ arranging, cookies, pageCookies: cookie === null ? [] : [cookie] },
    timings: logged.map(({ name, id }) => `list-${name};desc="${id}"`),
  };
}
