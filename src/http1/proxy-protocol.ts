/**
 * The PROXY protocol, versions 1 and 2: the header by which a proxy says, ahead of all other bytes of a connection, who
 * is at the client's end of it.
 *
 * Bytes in, structure out. `ProxyHeaderReader` takes a header in any pieces; what it cannot take is told apart as
 * `absent` (the bytes begin no header: they may be HTTP) and `malformed` (they begin one and it is none). Version 1 is
 * text of at most 107 bytes with its CRLF. Version 2 is binary, with a length of up to 65,535 bytes; more than
 * `V2_BYTES_MAX` is refused, because nobody needs it and every connection could ask for it. TLVs are skipped unread.
 *
 * Three things can be said. `addressed`: these are the two ends. `local`: the sender speaks for itself (a health check),
 * so the ends of the connection itself hold. `unknown`: it relays somebody whose address it cannot tell (UNKNOWN,
 * UNSPEC, a Unix socket). Datagrams are refused, since no byte stream carries them. `PROXY` followed by a token that is
 * no family is malformed: guessing is what makes a header an attack.
 *
 * Source: "The PROXY protocol, versions 1 & 2" (haproxy.org, doc/proxy-protocol.txt), sections 2.1 and 2.2.
 */
import { type Address, formatAddress, parseAddress } from '../routing/address.ts';

/** The ends of a connection; ports are from 0 to 65535. */
export interface ProxyEnds {
  /** The client's address, in its one way of writing. */
  readonly source: string;
  readonly sourcePort: number;
  /** The address and port that the client connected to. */
  readonly destination: string;
  readonly destinationPort: number;
}

/** What a header says. */
export type ProxyHeader =
  | ({ readonly kind: 'addressed' } & ProxyEnds)
  | { readonly kind: 'local' }
  | { readonly kind: 'unknown' };

/** What bytes from the start of a connection are; `length` is that of the whole header. */
export type ProxyReading =
  | { readonly kind: 'header'; readonly header: ProxyHeader; readonly length: number }
  | { readonly kind: 'unfinished' | 'absent' | 'malformed' };

/** The longest header of version 1, with its CRLF. */
export const V1_BYTES_MAX = 107;
/** The longest header of version 2 that is taken, with its TLVs. */
export const V2_BYTES_MAX = 4096;

const V1_START = 'PROXY ';
const V2_SIGNATURE: Buffer = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_FIXED_BYTES = 16;
const V2_LOCAL = 0x20;
const V2_PROXY = 0x21;
const V2_UNSPEC = 0x00;
const V2_TCP4 = 0x11;
const V2_TCP6 = 0x21;
const V2_UNIX_STREAM = 0x31;
/** Bytes of the address block of a Unix stream: two paths. */
const V2_UNIX_BYTES = 216;
const MAPPED_WORD = 0xffff;

const LOCAL: ProxyHeader = Object.freeze({ kind: 'local' });
const UNKNOWN: ProxyHeader = Object.freeze({ kind: 'unknown' });
const UNFINISHED: ProxyReading = Object.freeze({ kind: 'unfinished' });
const ABSENT: ProxyReading = Object.freeze({ kind: 'absent' });
const MALFORMED: ProxyReading = Object.freeze({ kind: 'malformed' });

/** Reads the first bytes of a connection, as many as there are yet. */
export function readProxyHeader(bytes: Buffer): ProxyReading {
  if (bytes.length === 0) return UNFINISHED;
  return bytes[0] === V2_SIGNATURE[0] ? readV2(bytes) : readV1(bytes);
}

function readV1(bytes: Buffer): ProxyReading {
  const text = bytes.toString('latin1', 0, V1_BYTES_MAX);
  if (!text.startsWith(V1_START)) return V1_START.startsWith(text) ? UNFINISHED : ABSENT;
  const end = text.indexOf('\r\n');
  if (end < 0) return text.length === V1_BYTES_MAX || /[\n\0]|\r./s.test(text) ? MALFORMED : UNFINISHED;
  const header = v1Header(text.slice(V1_START.length, end));
  return header === null ? MALFORMED : { kind: 'header', header, length: end + 2 };
}

function v1Header(line: string): ProxyHeader | null {
  if (/[\r\n\0]/.test(line)) return null;
  const parts = line.split(' ');
  // Whatever follows UNKNOWN is to be ignored.
  if (parts[0] === 'UNKNOWN') return UNKNOWN;
  if (parts.length !== 5 || (parts[0] !== 'TCP4' && parts[0] !== 'TCP6')) return null;
  const isV6 = parts[0] === 'TCP6';
  const source = addressOf(parts[1]!, isV6);
  const destination = addressOf(parts[2]!, isV6);
  const sourcePort = portOf(parts[3]!);
  const destinationPort = portOf(parts[4]!);
  if (source === null || destination === null || sourcePort < 0 || destinationPort < 0) return null;
  return { kind: 'addressed', source, sourcePort, destination, destinationPort };
}

function addressOf(text: string, isV6: boolean): string | null {
  if (text.includes(':') !== isV6 || text.includes('%')) return null;
  const address = parseAddress(text);
  return address === undefined ? null : formatAddress(address);
}

/** A port as decimal digits without leading zeros; -1 for anything else. */
function portOf(text: string): number {
  if (!/^(?:0|[1-9]\d{0,4})$/.test(text)) return -1;
  const port = Number(text);
  return port > 65_535 ? -1 : port;
}

function readV2(bytes: Buffer): ProxyReading {
  const known = Math.min(bytes.length, V2_SIGNATURE.length);
  if (bytes.compare(V2_SIGNATURE, 0, known, 0, known) !== 0) return ABSENT;
  if (bytes.length < V2_SIGNATURE.length + 1) return UNFINISHED;
  const command = bytes[12]!;
  if (command !== V2_LOCAL && command !== V2_PROXY) return MALFORMED;
  if (bytes.length < V2_FIXED_BYTES) return UNFINISHED;
  const length = V2_FIXED_BYTES + bytes.readUInt16BE(14);
  if (length > V2_BYTES_MAX) return MALFORMED;
  const least = V2_FIXED_BYTES + (command === V2_LOCAL ? 0 : blockBytes(bytes[13]!));
  if (length < least) return MALFORMED;
  if (bytes.length < length) return UNFINISHED;
  const header = command === V2_LOCAL ? LOCAL : v2Header(bytes);
  return { kind: 'header', header, length };
}

/** How many bytes the addresses of a family take; more than any header has for a family that is not taken. */
function blockBytes(family: number): number {
  switch (family) {
    case V2_UNSPEC:
      return 0;
    case V2_TCP4:
      return 12;
    case V2_TCP6:
      return 36;
    case V2_UNIX_STREAM:
      return V2_UNIX_BYTES;
    default:
      return V2_BYTES_MAX;
  }
}

function v2Header(bytes: Buffer): ProxyHeader {
  const isV4 = bytes[13] === V2_TCP4;
  if (!isV4 && bytes[13] !== V2_TCP6) return UNKNOWN;
  const addressBytes = isV4 ? 4 : 16;
  const ports = V2_FIXED_BYTES + 2 * addressBytes;
  return {
    kind: 'addressed',
    source: formatAddress(addressIn(bytes, V2_FIXED_BYTES, isV4)),
    sourcePort: bytes.readUInt16BE(ports),
    destination: formatAddress(addressIn(bytes, V2_FIXED_BYTES + addressBytes, isV4)),
    destinationPort: bytes.readUInt16BE(ports + 2),
  };
}

function addressIn(bytes: Buffer, at: number, isV4: boolean): Address {
  if (isV4) return [0, 0, MAPPED_WORD, bytes.readUInt32BE(at)];
  return [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4), bytes.readUInt32BE(at + 8), bytes.readUInt32BE(at + 12)];
}

const NOTHING: Buffer = Buffer.alloc(0);

/** Reads one header that arrives in any pieces. */
export class ProxyHeaderReader {
  /** The bytes that were taken in while it was `unfinished`: never more than `V2_BYTES_MAX`. */
  #held: Buffer = NOTHING;

  /** Whether a byte has come. */
  get started(): boolean {
    return this.#held.length > 0;
  }

  /** What was held back and is no part of a header; to be read before the chunk that was found `absent`. */
  get held(): Buffer {
    return this.#held;
  }

  /**
   * Takes in a chunk. With `unfinished` all of it is held. With `header`, `length` is the offset in this chunk just after
   * the header. With `absent` and `malformed` nothing of this chunk is held.
   */
  push(chunk: Buffer): ProxyReading {
    const before = this.#held.length;
    const room = V2_BYTES_MAX - before;
    const bytes = before === 0 ? chunk : Buffer.concat([this.#held, chunk.subarray(0, room)]);
    const reading = readProxyHeader(bytes);
    if (reading.kind === 'unfinished') this.#held = before === 0 ? Buffer.from(chunk) : bytes;
    else if (reading.kind === 'header') return { ...reading, length: reading.length - before };
    return reading;
  }
}

/** Which version of the header is sent. */
export type ProxyVersion = 'v1' | 'v2';

/**
 * A header to send. `null` stands for ends that are not known: what is relayed then comes from somebody (UNKNOWN, UNSPEC).
 * Ends of different families are both written as IPv6, the IPv4 one in its mapped form. Throws if an address is none.
 */
export function buildProxyHeader(version: ProxyVersion, ends: ProxyEnds | null): Buffer {
  if (ends === null) {
    return version === 'v1' ? Buffer.from('PROXY UNKNOWN\r\n', 'latin1') : v2Bytes(V2_PROXY, V2_UNSPEC, NOTHING);
  }
  const source = parseAddress(ends.source);
  const destination = parseAddress(ends.destination);
  if (source === undefined || destination === undefined) throw new Error('the ends of a PROXY header are addresses');
  const isV4 = isMapped(source) && isMapped(destination);
  if (version === 'v1') {
    const write = (address: Address): string => (isMapped(address) && !isV4 ? '::ffff:' : '') + formatAddress(address);
    const line = `PROXY ${isV4 ? 'TCP4' : 'TCP6'} ${write(source)} ${write(destination)}`;
    return Buffer.from(`${line} ${ends.sourcePort} ${ends.destinationPort}\r\n`, 'latin1');
  }
  const addressBytes = isV4 ? 4 : 16;
  const block = Buffer.alloc(2 * addressBytes + 4);
  const words = [source, destination].flatMap((address) => (isV4 ? [address[3]] : [...address]));
  for (const [index, word] of words.entries()) block.writeUInt32BE(word >>> 0, 4 * index);
  block.writeUInt16BE(ends.sourcePort, 2 * addressBytes);
  block.writeUInt16BE(ends.destinationPort, 2 * addressBytes + 2);
  return v2Bytes(V2_PROXY, isV4 ? V2_TCP4 : V2_TCP6, block);
}

/** The header of a connection that is Tidegate's own, such as a health check. Version 1 cannot say so, and says UNKNOWN. */
export function buildLocalProxyHeader(version: ProxyVersion): Buffer {
  return version === 'v1' ? buildProxyHeader('v1', null) : v2Bytes(V2_LOCAL, V2_UNSPEC, NOTHING);
}

function isMapped(address: Address): boolean {
  return address[0] === 0 && address[1] === 0 && address[2] === MAPPED_WORD;
}

function v2Bytes(command: number, family: number, block: Buffer): Buffer {
  const fixed = Buffer.alloc(4);
  fixed[0] = command;
  fixed[1] = family;
  fixed.writeUInt16BE(block.length, 2);
  return Buffer.concat([V2_SIGNATURE, fixed, block]);
}
