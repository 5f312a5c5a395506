/**
 * Whose address a request comes from, when proxies that we trust stand in front of us.
 *
 * Each proxy appends the address that it saw to X-Forwarded-For, so the list can be believed from the right, for as long
 * as the one who wrote an entry is trusted. The client is the first address from the right that is not a trusted
 * proxy: everything to its left was written by a stranger. Taking the leftmost entry, as many programs do, lets any
 * client choose its own address. An entry that is no address (`unknown`, a host name, a fragment) ends the walk at the
 * last good one: the address that wrote it is the last that anybody vouches for.
 *
 * Entries may carry a port (`192.0.2.1:4711`, `[2001:db8::1]:443`), because some proxies write one. Empty entries are
 * skipped, as RFC 9110 section 5.6.1 asks of every list.
 */
import { type Address, type AddressRange, formatAddress, parseAddress, parseRange, rangeHas } from './address.ts';

/** A set of address ranges, such as `trustedProxies` of a listener. */
export class AddressSet {
  readonly #ranges: readonly AddressRange[];

  /** Each entry is `address/prefix` or an address; throws on anything else, which config should have refused. */
  constructor(cidrs: readonly string[]) {
    this.#ranges = cidrs.map((cidr) => {
      const range = parseRange(cidr);
      if (range === undefined) throw new Error(`unchecked address range ${JSON.stringify(cidr)}`);
      return range;
    });
  }

  /** Whether the address is in the set; what is no address is in no set. */
  has(address: string): boolean {
    if (this.#ranges.length === 0) return false;
    const parsed = parseAddress(address);
    return parsed !== undefined && this.hasParsed(parsed);
  }

  /** The same for an address that is parsed already. */
  hasParsed(address: Address): boolean {
    return this.#ranges.some((range) => rangeHas(range, address));
  }
}

/**
 * The client's address, in its one way of writing: IPv4 dotted, IPv6 as in RFC 5952.
 *
 * `peer` is the address at the other end of the connection; `xForwardedFor` the field's value with all its lines joined
 * by commas, or empty. When every entry is trusted, it is the leftmost. The peer '' is that of a Unix socket whose peers
 * are trusted: the client is then found in the list alone, and '' when the list has no address.
 */
export function clientAddress(peer: string, xForwardedFor: string, trusted: AddressSet): string {
  let client = parseAddress(peer);
  if (client === undefined && peer !== '') return peer;
  let end = xForwardedFor.length;
  while (end > 0 && (client === undefined || trusted.hasParsed(client))) {
    const comma = xForwardedFor.lastIndexOf(',', end - 1);
    const entry = xForwardedFor.slice(comma + 1, end).trim();
    end = comma;
    if (entry === '') continue;
    const address = parseAddress(withoutPort(entry));
    if (address === undefined) break;
    client = address;
  }
  return client === undefined ? '' : formatAddress(client);
}

/** The address in `192.0.2.1:4711`, `[2001:db8::1]` and `[2001:db8::1]:443`; any other entry as it is. */
function withoutPort(entry: string): string {
  const parts = /^(?:\[([^\]]*:[^\]]*)\]|([\d.]+))(?::\d{1,5})?$/.exec(entry);
  return parts === null ? entry : (parts[1] ?? parts[2] ?? entry);
}
