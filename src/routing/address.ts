/**
 * IP addresses and ranges as numbers: parsing, writing, and asking whether a range holds an address.
 *
 * An address is four words of 32 bits. IPv4 lives where RFC 4291 section 2.5.5.2 maps it, at ::ffff:0:0/96, so that
 * `::ffff:10.0.0.1`, which a dual-stack socket reports, and `10.0.0.1` are one address. A range that is wider than that
 * block (`::/0`) holds IPv6 only: who writes it does not mean the whole of IPv4.
 *
 * Strict on purpose. `010.0.0.1` is refused, because some programs read it as octal 8.0.0.1 (CVE-2021-28918); so are
 * the short forms `10.1` and `0x0a000001`. A zone (`%eth0`) is accepted after a link-local address and left out of the
 * number. `node:net` has a BlockList that does some of this, but this room has no sockets in it.
 */
import { hexDigit } from './hex-digit.ts';

/** An address: four words of 32 bits, the most significant first. */
export type Address = readonly [number, number, number, number];

/** A range of addresses: all that begin with the first `prefix` bits of `base`. */
export interface AddressRange {
  readonly base: Address;
  /** From 0 to 128; an IPv4 prefix counts from 96. */
  readonly prefix: number;
}

const MAPPED = 0xffff;

function isV4(address: Address): boolean {
  return address[0] === 0 && address[1] === 0 && address[2] === MAPPED;
}

/** Parses an address, IPv4 or IPv6; `undefined` when it is anything else. */
export function parseAddress(text: string): Address | undefined {
  if (text.length > 64) return undefined;
  if (!text.includes(':')) {
    const word = parseV4(text);
    return word === undefined ? undefined : [0, 0, MAPPED, word];
  }
  const percent = text.indexOf('%');
  if (percent === -1) return parseV6(text);
  if (!/^[\w.-]+$/.test(text.slice(percent + 1))) return undefined;
  const address = parseV6(text.slice(0, percent));
  return address !== undefined && address[0] >>> 22 === 0xfe80 >>> 6 ? address : undefined;
}

/** Parses `address/prefix`, or an address alone as the range of just itself; bits after the prefix are dropped. */
export function parseRange(text: string): AddressRange | undefined {
  const slash = text.indexOf('/');
  const address = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  if (slash === -1) return { base: address, prefix: 128 };
  const digits = text.slice(slash + 1);
  if (!/^(?:0|[1-9]\d{0,2})$/.test(digits)) return undefined;
  const shift = text.includes(':') ? 0 : 96;
  const prefix = Number(digits) + shift;
  return prefix > 128 ? undefined : { base: masked(address, prefix), prefix };
}

/** Whether the range holds the address. */
export function rangeHas(range: AddressRange, address: Address): boolean {
  const { base, prefix } = range;
  if (prefix < 96 && isV4(address)) return false;
  for (let i = 0; i < 4; i += 1) {
    if (((address[i]! ^ base[i]!) & wordMask(prefix - 32 * i)) !== 0) return false;
  }
  return true;
}

/** The one way to write an address: dotted for IPv4 (mapped too), RFC 5952 for IPv6. */
export function formatAddress(address: Address): string {
  if (isV4(address)) {
    const word = address[3];
    return `${word >>> 24}.${(word >>> 16) & 0xff}.${(word >>> 8) & 0xff}.${word & 0xff}`;
  }
  // The longest run of zero groups, the first of equals, is written as `::`; a single zero group is not.
  let zerosAt = 8;
  let zeros = 1;
  for (let i = 0; i < 8; i += 1) {
    let end = i;
    while (end < 8 && groupAt(address, end) === 0) end += 1;
    if (end - i > zeros) {
      zerosAt = i;
      zeros = end - i;
    }
    if (end > i) i = end;
  }
  let text = '';
  for (let i = 0; i < 8; i += 1) {
    if (i === zerosAt) {
      text += '::';
      i += zeros - 1;
    } else {
      if (i > 0 && i !== zerosAt + zeros) text += ':';
      text += groupAt(address, i).toString(16);
    }
  }
  return text;
}

function groupAt(address: Address, index: number): number {
  const word = address[index >> 1]!;
  return (index & 1) === 0 ? word >>> 16 : word & 0xffff;
}

function masked(address: Address, prefix: number): Address {
  return [
    (address[0] & wordMask(prefix)) >>> 0,
    (address[1] & wordMask(prefix - 32)) >>> 0,
    (address[2] & wordMask(prefix - 64)) >>> 0,
    (address[3] & wordMask(prefix - 96)) >>> 0,
  ];
}

/** The mask of the first `bits` bits of a word; all of it from 32 up, nothing from 0 down. */
function wordMask(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? -1 : ~(0xffffffff >>> bits);
}

function parseV4(text: string): number | undefined {
  let word = 0;
  let parts = 0;
  let digits = 0;
  let part = 0;
  for (let i = 0; i <= text.length; i += 1) {
    const code = i === text.length ? 0x2e : text.charCodeAt(i);
    if (code === 0x2e) {
      if (digits === 0 || part > 255 || parts === 4) return undefined;
      word = ((word << 8) | part) >>> 0;
      parts += 1;
      digits = 0;
      part = 0;
    } else {
      if (code < 0x30 || code > 0x39 || digits === 3 || (digits > 0 && part === 0)) return undefined;
      part = part * 10 + code - 0x30;
      digits += 1;
    }
  }
  return parts === 4 ? word : undefined;
}

function parseV6(text: string): Address | undefined {
  const groups = [0, 0, 0, 0, 0, 0, 0, 0];
  let count = 0;
  /** How many groups stood before `::`; -1 while there has been none. */
  let gap = -1;
  let at = 0;
  if (text.startsWith('::')) {
    gap = 0;
    at = 2;
  }
  while (at < text.length) {
    if (count === 8) return undefined;
    const colon = text.indexOf(':', at);
    const end = colon === -1 ? text.length : colon;
    const group = hexGroup(text, at, end);
    if (group === -1) {
      // An IPv4 tail is the last thing in an address and fills two groups.
      const word = count < 7 ? parseV4(text.slice(at)) : undefined;
      if (word === undefined) return undefined;
      groups[count++] = word >>> 16;
      groups[count++] = word & 0xffff;
      break;
    }
    groups[count++] = group;
    if (colon === -1) break;
    at = colon + 1;
    if (text.charCodeAt(at) === 0x3a) {
      if (gap !== -1) return undefined;
      gap = count;
      at += 1;
    } else if (at === text.length) return undefined;
  }
  if (gap === -1) {
    if (count !== 8) return undefined;
  } else {
    // `::` stands for at least one group; what came after it moves to the end.
    if (count === 8) return undefined;
    groups.copyWithin(8 - (count - gap), gap, count);
    groups.fill(0, gap, 8 - (count - gap));
  }
  const word = (index: number) => groups[index]! * 0x10000 + groups[index + 1]!;
  return [word(0), word(2), word(4), word(6)];
}

/** One to four hex digits as a number; -1 for anything else. */
function hexGroup(text: string, start: number, end: number): number {
  if (end === start || end - start > 4) return -1;
  let value = 0;
  for (let i = start; i < end; i += 1) {
    const digit = hexDigit(text.charCodeAt(i));
    if (digit === -1) return -1;
    value = value * 16 + digit;
  }
  return value;
}
