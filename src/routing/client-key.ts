/**
 * The text under which a client's address is counted.
 *
 * An IPv4 address is one client. Of IPv6, a household or a rented server has a whole /64 to choose from, so counting
 * single addresses would be no limit at all: the first half of the address is the client (RFC 6177 gives nobody less).
 */
import { formatAddress, parseAddress } from './address.ts';

/** The key of an address: itself for IPv4, its /64 for IPv6, and the text as it is when it is no address. */
export function clientKey(address: string): string {
  const parsed = parseAddress(address);
  if (parsed === undefined) return address;
  const isV4 = parsed[0] === 0 && parsed[1] === 0 && parsed[2] === 0xffff;
  return isV4 ? formatAddress(parsed) : `${formatAddress([parsed[0], parsed[1], 0, 0])}/64`;
}
