/**
 * Whether a request is addressed to the server that it reached, by its Host field.
 *
 * A page whose name an attacker re-points at 127.0.0.1 (DNS rebinding) is same-origin to the browser, but it still sends its own
 * name. An IP literal cannot be re-pointed, so the address that the connection came in on is accepted, which also serves a
 * wildcard listener. Source: RFC 9110, sections 7.2 (Host) and 7.4 (421).
 */
import type { IncomingMessage } from 'node:http';
import { Fault } from './fault.ts';

const AUTHORITY = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9_.-]{1,253})(?::([0-9]{1,5}))?$/;
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

/** Knows the names of one server. */
export class OwnHost {
  readonly #host: string;
  readonly #what: string;
  readonly #setting: string;
  #allowed: ReadonlySet<string> = new Set();

  /** `host` is the address that the server was told to listen on; `what` and `setting` are for the refusal's sentence. */
  constructor(host: string, what: string, setting: string) {
    this.#host = hostName(host);
    this.#what = what;
    this.#setting = setting;
  }

  /** Sets the further Host values: with a port for exactly that one or without for any; without regard to case. */
  allow(hosts: readonly string[]): void {
    this.#allowed = new Set(hosts.map((host) => host.toLowerCase()));
  }

  /** Whether this authority, in lower case, is one of the further values. */
  allows(authority: string): boolean {
    return this.#allowed.has(authority);
  }

  /** Why the request is not for this server; null when it is. */
  check(req: IncomingMessage): Fault | null {
    if (!req.url?.startsWith('/')) return new Fault(400, 'bad-url', 'The request target must be a path.');
    const hosts = req.headersDistinct.host ?? [];
    const host = hosts[0];
    if (host === undefined || hosts.length > 1) {
      return new Fault(400, 'bad-host', 'A request must have exactly one Host field.');
    }
    if (this.#isOwn(host.toLowerCase(), req)) return null;
    return new Fault(
      421,
      'wrong-host',
      `The Host field does not name ${this.#what}. Call it by its own address, or add the name to ${this.#setting}.`,
      { host: host.slice(0, 260) },
    );
  }

  #isOwn(host: string, req: IncomingMessage): boolean {
    const parts = AUTHORITY.exec(host);
    if (parts === null) return false;
    const name = parts[1]!;
    if (this.#allowed.has(host) || this.#allowed.has(name)) return true;
    if (Number(parts[2] ?? 80) !== req.socket.localPort) return false;
    return LOOPBACK_NAMES.includes(name) || name === this.#host || name === hostName(req.socket.localAddress ?? '');
  }
}

/** An address as it stands in a Host field: IPv6 in brackets, IPv4 that came over an IPv6 socket as IPv4. */
function hostName(address: string): string {
  const plain = address.toLowerCase().replace(/^\[|\]$/g, '');
  if (!plain.includes(':')) return plain;
  return plain.startsWith('::ffff:') && plain.includes('.') ? plain.slice(7) : `[${plain}]`;
}
