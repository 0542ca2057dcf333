import { expect, test } from "vitest";
import { clientNetwork } from "../../../worker/access/client-network.ts";

test.each([
  ["192.0.2.1", "192.0.2.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:0DB8:0001:0002:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["2001:db8::1:2:3:4:5", "2001:db8:0:1::/64"],
  ["2001:db8:1:2::", "2001:db8:1:2::/64"],
  ["::1", "0:0:0:0::/64"],
  // As a server whose sockets are for both states those of IPv4, which are not one client together.
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["::FFFF:1.0.0.0", "1.0.0.0"],
  ["0:0:0:0:0:ffff:c000:0201", "192.0.2.1"],
  ["::ffff:0:1", "0.0.0.1"],
  ["::ffff:ffff", "0:0:0:0::/64"],
  ["1::ffff:192.0.2.1", "1:0:0:0::/64"],
  ["unknown", "unknown"],
  ["a:b", "a:b"],
])("%s counts as %s", (address, network) => {
  expect(clientNetwork(address)).toBe(network);
});
