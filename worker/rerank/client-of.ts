import { clientNetwork } from "../access/client-network.ts";

/** What rate limits count of a visitor of a page: the network. */
export function clientOf(request: Request): string {
  const address = request.headers.get("cf-connecting-ip");
  return address === null ? "unknown" : `network ${clientNetwork(address)}`;
}
