/**
 * Who is at the client's end of a connection, and how far that end is believed.
 *
 * It is the address at the other end of the socket, unless a trusted peer begins the connection with a PROXY header:
 * then it is who that header names, in logs, in what endpoints are told, as key for hashing, and for every question of
 * trust. What a header can say decides what is believed:
 *
 *     addressed ─▶ the named address; its X-Forwarded-* are believed only if that address is itself trusted
 *     local     ─▶ the peer itself, with the trust that it has
 *     unknown   ─▶ the peer's address, and no trust: nobody knows who wrote what follows
 *
 * A header is taken from trusted peers only. Where a listener requires one, a stranger is turned away before a byte is
 * read; where it accepts one, a stranger's bytes are HTTP, and a header in front of them is a malformed request. A header
 * that every client could send would let every client choose its own address.
 *
 * A Unix socket has no address: its peer is '', which is nobody's key and `unknown` in what endpoints are told.
 */
import type { Socket } from 'node:net';
import { type ProxyEnds, type ProxyHeader, ProxyHeaderReader, type ProxyReading } from '../http1/proxy-protocol.ts';
import type { AddressSet } from '../routing/client-address.ts';
import type { ListenerRuntime } from './listener.ts';

/** How a connection may begin: with HTTP, with a header or HTTP, with a header, or not at all. */
export type Beginning = 'http' | 'either' | 'header' | 'refused';

/** Why a connection was ended before its first request, for the log; nothing is said to the peer. */
export type TurnedAway = `proxy-header-${'untrusted' | 'missing' | 'malformed' | 'timeout'}`;

const NOTHING: Buffer = Buffer.alloc(0);

export class ClientEnd {
  /** IPv4 dotted, IPv6 without a zone, or '' for a Unix socket. */
  address: string;
  readonly beginning: Beginning;
  readonly #socket: Socket;
  readonly #listener: ListenerRuntime;
  #reader: ProxyHeaderReader | null = null;
  #header: ProxyHeader | null = null;
  /** The set of addresses that `#trusted` was asked of: a reload brings another. */
  #trustedBy: AddressSet | null = null;
  #trusted = false;

  constructor(socket: Socket, listener: ListenerRuntime) {
    this.#socket = socket;
    this.#listener = listener;
    this.address = plainAddress(socket.remoteAddress ?? '');
    this.beginning = this.#beginningBy(listener.spec.proxyProtocol);
    if (this.beginning !== 'http') this.#reader = new ProxyHeaderReader();
  }

  #beginningBy(setting: 'off' | 'accept' | 'require'): Beginning {
    switch (setting) {
      case 'off':
        return 'http';
      case 'accept':
        return this.trusted ? 'either' : 'http';
      case 'require':
        return this.trusted ? 'header' : 'refused';
      default:
        return setting satisfies never;
    }
  }

  /** Whether what this end says about earlier hops is believed. */
  get trusted(): boolean {
    const { trusted, spec } = this.#listener;
    if (this.#trustedBy !== trusted) {
      this.#trustedBy = trusted;
      if (this.#header?.kind === 'unknown') this.#trusted = false;
      else this.#trusted = this.address === '' ? spec.trustsUnix : trusted.has(this.address);
    }
    return this.#trusted;
  }

  /** The port that the client connected to; 0 for a Unix socket. */
  get port(): number {
    return this.#header?.kind === 'addressed' ? this.#header.destinationPort : this.#listener.spec.port;
  }

  /** Both ends of the client's connection, or null where they have no addresses. */
  ends(): ProxyEnds | null {
    if (this.#header?.kind === 'addressed') return this.#header;
    const destination = plainAddress(this.#socket.localAddress ?? '');
    if (this.#header?.kind === 'unknown' || this.address === '' || destination === '') return null;
    const { remotePort = 0, localPort = 0 } = this.#socket;
    return { source: this.address, sourcePort: remotePort, destination, destinationPort: localPort };
  }

  /** Whether a byte of a header has come. */
  get headerStarted(): boolean {
    return this.#reader?.started ?? false;
  }

  /** What was held back while it could have begun a header and did not. */
  get held(): Buffer {
    return this.#reader?.held ?? NOTHING;
  }

  /** Reads on in the header; see `ProxyHeaderReader.push`. */
  readHeader(chunk: Buffer): ProxyReading {
    const reading = this.#reader!.push(chunk);
    if (reading.kind === 'header') {
      this.#header = reading.header;
      this.#reader = null;
      this.#trustedBy = null;
      if (reading.header.kind === 'addressed') this.address = reading.header.source;
    }
    return reading;
  }
}

/** A socket of both families shows IPv4 peers in IPv6 form; a zone means something on this machine only. */
function plainAddress(address: string): string {
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice(7);
  const zone = address.indexOf('%');
  return zone < 0 ? address : address.slice(0, zone);
}
