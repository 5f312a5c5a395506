/**
 * Addresses as they are written in a config, and the questions that are asked about them before any socket exists.
 *
 * `host:port` is split at the last colon and an IPv6 host needs brackets, so that `::1:80` is refused and not read as
 * whatever the first parser thinks of. Hosts are compared in one spelling (lower case, IPv6 compressed), because
 * duplicates and clashes are found by comparing text. What an IP address is, and how it is written, is said in one place for
 * config and data plane alike: `routing/address.ts`. Names are not looked up: a check must not depend on DNS.
 *
 * A Unix socket is written `unix:/path`, always absolute: what a relative path means would depend on where Tidegate was
 * started. Abstract sockets (`@name`) were left out: no file mode guards them.
 */

import { isIP } from 'node:net';
import { formatAddress as formatIp, parseAddress as parseIp, parseRange, rangeHas } from '../routing/address.ts';

/** A host (a name, an IPv4 address, or an IPv6 address without brackets) and a port from 0 to 65535. */
export type Address = { readonly host: string; readonly port: number };

/** A Unix socket, by the absolute path of its file. */
export type UnixAddress = { readonly path: string };

/** Where a socket can be opened or reached. */
export type Place = Address | UnixAddress;

/** A range of addresses; a single address has all bits set. It fits `BlockList.addSubnet(address, bits, family)`. */
export type Network = { readonly address: string; readonly bits: number; readonly family: 'ipv4' | 'ipv6' };

const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/;
const DOTTED_NUMBER = /^[0-9.]+$/;

/** Reads `host:port` or `[ipv6]:port`; `undefined` when either part is missing or out of range. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  if (port > 65_535) return undefined;
  const host = match[1] === undefined ? plainHost(match[2]!) : ipv6Host(match[1]);
  return host === undefined ? undefined : { host, port };
}

/** What the kernel takes as a path of a socket, with the NUL that ends it (`sun_path` of Linux). */
const UNIX_PATH_MAX = 107;

/** Reads `unix:/path`, or what `parseAddress` reads; a path has no spaces, control characters, `//`, `.` or `..`. */
export function parsePlace(text: string): Place | undefined {
  if (!text.startsWith('unix:')) return parseAddress(text);
  const path = text.slice('unix:'.length);
  const isPlain = /^(?:\/[\x21-\x2e\x30-\x7e]+)+$/.test(path) && !/\/\.{1,2}(?:\/|$)/.test(path);
  return isPlain && path.length <= UNIX_PATH_MAX ? { path } : undefined;
}

export function isUnix(place: Place): place is UnixAddress {
  return 'path' in place;
}

/** Whether the host is a name that stands for other machines; `localhost` always means this one. */
export function isName(place: Place): place is Address {
  return !isUnix(place) && isIP(place.host) === 0 && !/(?:^|\.)localhost\.?$/.test(place.host);
}

/** Writes an address the way it is read: IPv6 hosts in brackets. */
export function formatAddress(address: Place): string {
  if (isUnix(address)) return `unix:${address.path}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Reads `10.0.0.0/8`, `fd00::/8` or a single IP address; `undefined` when it is none. Bits after the prefix are dropped. */
export function parseNetwork(text: string): Network | undefined {
  const range = text.includes('%') ? undefined : parseRange(text);
  if (range === undefined) return undefined;
  const address = formatIp(range.base);
  return address.includes(':')
    ? { address, bits: range.prefix, family: 'ipv6' }
    : { address, bits: range.prefix - 96, family: 'ipv4' };
}

const LOOPBACK = [parseRange('127.0.0.0/8')!, parseRange('::1')!];

/** Whether only this machine can reach the host. */
export function isLoopback(host: string): boolean {
  const address = parseIp(host);
  return address === undefined ? host === 'localhost' : LOOPBACK.some((range) => rangeHas(range, address));
}

/** Whether two listening addresses cannot be open at once: one path, or one port and hosts that overlap. */
export function clash(left: Place, right: Place): boolean {
  if (isUnix(left) || isUnix(right)) return isUnix(left) && isUnix(right) && left.path === right.path;
  if (left.port === 0 || left.port !== right.port) return false;
  const [a, b] = [localName(left.host), localName(right.host)];
  if (a === b || a === '::' || b === '::') return true;
  // 0.0.0.0 takes every IPv4 address; a name may stand for one, so it is taken to clash.
  return (a === '0.0.0.0' && isIP(b) !== 6) || (b === '0.0.0.0' && isIP(a) !== 6);
}

function localName(host: string): string {
  return host === 'localhost' ? '127.0.0.1' : host;
}

function plainHost(text: string): string | undefined {
  const host = text.toLowerCase();
  // 127.1 and 2130706433 are read as addresses by some resolvers and as names by others.
  if (DOTTED_NUMBER.test(host)) return isIP(host) === 4 ? host : undefined;
  return HOST_NAME.test(host) ? host : undefined;
}

function ipv6Host(text: string): string | undefined {
  const address = text.includes(':') && !text.includes('%') ? parseIp(text) : undefined;
  return address === undefined ? undefined : formatIp(address);
}
