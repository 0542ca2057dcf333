// What the name of a column says.

/** The words of a name: item_id, itemId and "Item ID" have the same. */
export function wordsOf(name: string): string[] {
  return name
    .replace(/(\p{Ll}|\d)(\p{Lu})/gu, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "");
}

const ITEM = [
  ...[
    "item",
    "product",
    "ad",
    "ads",
    "advert",
    "article",
    "movie",
    "film",
    "video",
    "song",
    "track",
    "book",
    "document",
  ],
  ...["doc", "news", "creative", "banner", "offer", "listing", "content", "asin", "sku", "goods", "game", "recipe"],
  ...["hotel", "property", "restaurant", "job", "course", "post", "candidate", "artikel", "produkt", "angebot"],
];
const USER = [
  ...["user", "visitor", "customer", "client", "member", "account", "viewer", "reader", "shopper", "person", "nutzer"],
  ...["kunde", "cookie", "subscriber"],
];
const THING = [
  ...[...ITEM, ...USER, "campaign", "advertiser", "publisher", "site", "app", "device", "session", "category", "brand"],
  ...["shop", "store", "seller", "merchant", "region", "city", "country", "state", "zip", "postcode", "plz", "gender"],
  ...["segment", "cluster", "page", "query", "channel", "os", "browser", "domain", "carrier", "placement", "zone"],
  ...["genre", "topic", "tag", "type", "kind", "class", "group", "status", "department", "color", "colour", "size"],
  ...["language", "lang", "occupation", "author", "artist", "source", "slot", "model", "make", "isp", "ip"],
];
const ID = [
  "id",
  "ids",
  "uid",
  "uuid",
  "guid",
  "key",
  "hash",
  "code",
  "nr",
  "sku",
  "asin",
  "isbn",
  "ean",
  "zip",
  "plz",
];
/** What belongs to an item, whichever way the log puts it. */
const OF_ITEM = [
  ...["price", "preis", "brand", "marke", "category", "categories", "kategorie", "genre", "genres", "title", "titel"],
  ...[
    "author",
    "artist",
    "tags",
    "topic",
    "topics",
    "color",
    "colour",
    "material",
    "publisher",
    "advertiser",
    "campaign",
  ],
  ...["rating", "discount", "stock", "bid"],
];
const POSITION = ["position", "pos", "rank", "slot"];

const endsWithId = /^(.{2,})(id|uuid|guid)$/;

/** Whether a name says that its values are names of things, however they are written. */
export function isIdName(name: string): boolean {
  const words = wordsOf(name);
  const last = words.at(-1) ?? "";
  if (ID.includes(last) || ["number", "no"].includes(last)) return words.length > 1 || last === "id";
  const [, thing = ""] = endsWithId.exec(last) ?? [];
  return THING.includes(thing);
}

/** Whether a name is that of a thing, so that numbers of it are no amounts. */
export function isThingName(name: string): boolean {
  const words = wordsOf(name);
  return isIdName(name) || THING.includes(words.at(-1) ?? "") || /^c\d+$/.test(words.join(""));
}

/** How well a name fits one of the ids of items: 0 for not at all. */
export function itemIdScore(name: string): number {
  return idScore(name, ITEM);
}

export function userIdScore(name: string): number {
  return idScore(name, USER);
}

function idScore(name: string, things: readonly string[]): number {
  const words = wordsOf(name);
  const [first = "", ...rest] = words;
  const [, thing = ""] = endsWithId.exec(first) ?? [];
  if (words.length === 1 && things.includes(thing)) return 3;
  if (!things.includes(first)) return 0;
  if (rest.length === 0) return 2;
  return rest.length === 1 && ID.includes(rest[0]) ? 3 : 0;
}

export function isItemName(name: string): boolean {
  const words = wordsOf(name);
  return ITEM.includes(words[0] ?? "") || OF_ITEM.includes(words.at(-1) ?? "");
}

export function isUserName(name: string): boolean {
  return USER.includes(wordsOf(name)[0] ?? "");
}

export function isPositionName(name: string): boolean {
  const words = wordsOf(name);
  const last = words.at(-1) ?? "";
  return (
    POSITION.includes(last) &&
    (words.length === 1 || ["item", "ad", "list", "result", "display"].includes(words[0] ?? ""))
  );
}

export function isWeightName(name: string): boolean {
  return /^((sample|instance|importance|record|example|label)weights?)$/.test(wordsOf(name).join(""));
}

export function isPropensityName(name: string): boolean {
  return wordsOf(name).some((word) => word === "propensity" || word === "pscore");
}

/** Names of labels, the likeliest first. */
const LABELS = [
  ...["label", "click", "clicked", "isclick", "isclicked", "clicks", "clickflag", "klick", "geklickt", "target", "y"],
  ...["converted", "conversion", "isconverted", "isconversion", "purchased", "purchase", "bought", "buy", "ordered"],
  ...["booked", "installed", "liked", "like", "response", "outcome", "engaged", "engagement", "watched", "used"],
  ...["class", "churn", "churned", "default", "subscribed", "survived", "exited", "attrition", "income", "salary"],
];

/** The place of a name among those of labels; -1 where it is none. */
export function labelRank(name: string): number {
  return LABELS.indexOf(wordsOf(name).join(""));
}
