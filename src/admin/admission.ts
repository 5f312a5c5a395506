/**
 * Who may call the admin API. Each rule closes one way by which somebody other than an operator could move traffic:
 *
 * - Host must name the admin itself. A page whose name an attacker re-points at 127.0.0.1 (DNS rebinding) is
 *   same-origin to the browser, but it still sends its own name. An IP literal cannot be re-pointed, so the address that
 *   the connection came in on is accepted, which also serves a wildcard listener.
 * - A changing call must be `application/json`. A form or an image on a foreign page can send POST, but not this type,
 *   without a preflight, and preflights are refused.
 * - A changing call with an Origin must come from the admin's own origin. It repeats the rule above for browsers that
 *   get the one before it wrong.
 * - A changing call must carry a token that may operate, where any is set; with `readsNeedToken`, a reading call one that
 *   may read. Both sides are hashed before the comparison, so that its time tells neither the token nor its length, and
 *   all tokens are compared whichever fits.
 *
 * The form of a link (`link-routes.ts`) is the one changing call that is no JSON and carries no token: its URL holds a signed
 * link that a foreign page cannot know. Host and Origin are checked as for every other.
 *
 * Every call that is not GET or HEAD counts as changing, also `config/validate`: it has no effect, but it spends time and
 * reads the environment that the config names. Reads need no token unless the config says so: they show no secret, and
 * operators' tools read without one. Probes and /metrics need no rule at all, since orchestrators call them by whatever
 * address they know.
 *
 * Sources: RFC 9110, sections 7.2 (Host), 7.4 (421), 11.6 (Authorization); the Fetch standard on preflights and Origin.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Fault } from './fault.ts';

/** What a token is good for: `read` shows, `operate` also changes. */
export type Role = 'read' | 'operate';

/** Who may call, as the config in force says it. */
export interface AdminAccess {
  /** A token without a name that may operate; empty where none is set. */
  readonly token: string;
  readonly tokens: readonly { readonly name: string; readonly token: string; readonly role: Role }[];
  readonly readsNeedToken: boolean;
  /** Further Host values, with a port for exactly that one or without for any; compared without regard to case. */
  readonly allowedHosts: readonly string[];
}

/** Whether any token is set: without one, whoever reaches the address may change things. */
export function hasToken({ token, tokens }: AdminAccess): boolean {
  return token !== '' || tokens.length > 0;
}

interface KnownToken {
  /** '' for the one without a name. */
  readonly name: string;
  readonly role: Role;
  readonly digest: Buffer;
}

const AUTHORITY = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9_.-]{1,253})(?::([0-9]{1,5}))?$/;
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

/** Decides for each request whether it may be looked at. */
export class Admission {
  readonly #host: string;
  readonly #access: () => AdminAccess;
  readonly #checkRight: (address: string, token: string) => Fault | null;
  #read: AdminAccess | null = null;
  #known: readonly KnownToken[] = [];
  #allowed: ReadonlySet<string> = new Set();

  /**
   * `host` is the address that the admin API was told to listen on; `access` gives the same object until it changes.
   * `checkRight` is asked about every right token, by the address and its name, before it counts as one.
   */
  constructor(
    host: string,
    access: () => AdminAccess,
    checkRight: (address: string, token: string) => Fault | null = () => null,
  ) {
    this.#host = hostName(host);
    this.#access = access;
    this.#checkRight = checkRight;
  }

  /** Whether the request is addressed to the admin API itself; the fault says how to make it so. */
  checkHost(req: IncomingMessage): Fault | null {
    this.#follow();
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
      'The Host field does not name this admin API. Call it by its own address, or add the name to admin.allowedHosts.',
      { host: host.slice(0, 260) },
    );
  }

  /** Whether a changing call, whose Host is already admitted, comes from somebody who may make it. */
  checkChange(req: IncomingMessage): Fault | null {
    return this.#checkOrigin(req) ?? this.#checkToken(req, 'operate') ?? checkContentType(req);
  }

  /**
   * Whether the form of a page of ours, whose Host is already admitted, was sent from that page. What its URL holds stands
   * for a token.
   */
  checkForm(req: IncomingMessage): Fault | null {
    return this.#checkOrigin(req) ?? checkFormType(req);
  }

  /** Whether a call that reads, whose Host is already admitted, comes from somebody who may make it. */
  checkRead(req: IncomingMessage): Fault | null {
    return this.#access().readsNeedToken ? this.#checkToken(req, 'read') : null;
  }

  /** The name of the token that the call carries, '' when it has none or is none of ours. */
  nameOf(req: IncomingMessage): string {
    return this.#tokenOf(req)?.name ?? '';
  }

  /** Takes over what the config in force says, if it is another than before. */
  #follow(): void {
    const access = this.#access();
    if (access === this.#read) return;
    this.#read = access;
    const own = access.token === '' ? [] : [{ name: '', token: access.token, role: 'operate' as const }];
    this.#known = [...own, ...access.tokens].map(({ name, token, role }) => ({ name, role, digest: sha256(token) }));
    this.#allowed = new Set(access.allowedHosts.map((host) => host.toLowerCase()));
  }

  #isOwn(host: string, req: IncomingMessage): boolean {
    const parts = AUTHORITY.exec(host);
    if (parts === null) return false;
    const name = parts[1]!;
    if (this.#allowed.has(host) || this.#allowed.has(name)) return true;
    if (Number(parts[2] ?? 80) !== req.socket.localPort) return false;
    return LOOPBACK_NAMES.includes(name) || name === this.#host || name === hostName(req.socket.localAddress ?? '');
  }

  #checkOrigin(req: IncomingMessage): Fault | null {
    const origin = req.headers.origin;
    if (origin === undefined) return null;
    const authority = /^https?:\/\/([^/]+)$/.exec(origin.toLowerCase())?.[1];
    if (authority === req.headers.host?.toLowerCase()) return null;
    if (authority !== undefined && this.#allowed.has(authority)) return null;
    return new Fault(403, 'wrong-origin', 'Pages of another origin may not change anything here.', {
      origin: origin.slice(0, 260),
    });
  }

  #checkToken(req: IncomingMessage, needed: Role): Fault | null {
    if (this.#known.length === 0) return null;
    const token = this.#tokenOf(req);
    if (token === null) {
      const isWrong = req.headers.authorization !== undefined;
      return new Fault(
        401,
        'unauthorized',
        isWrong ? 'The token is not the right one.' : 'This call needs Authorization: Bearer <token>.',
        null,
        { 'WWW-Authenticate': 'Bearer realm="tidegate"' },
      );
    }
    const early = this.#checkRight(req.socket.remoteAddress ?? '', token.name);
    if (early !== null || needed === 'read' || token.role === 'operate') return early;
    return new Fault(403, 'read-only', `The token ${token.name} may only read.`);
  }

  #tokenOf(req: IncomingMessage): KnownToken | null {
    const given = /^bearer +(.+)$/i.exec(req.headers.authorization ?? '')?.[1];
    if (given === undefined) return null;
    const digest = sha256(bytesOf(given));
    let found: KnownToken | null = null;
    for (const known of this.#known) if (timingSafeEqual(digest, known.digest)) found ??= known;
    return found;
  }
}

function checkContentType(req: IncomingMessage): Fault | null {
  const type = req.headers['content-type'] ?? '';
  if (/^application\/json *(?:;|$)/i.test(type)) return null;
  return new Fault(415, 'content-type', 'A changing call needs Content-Type: application/json, even without a body.');
}

function checkFormType(req: IncomingMessage): Fault | null {
  const type = req.headers['content-type'] ?? '';
  if (/^application\/x-www-form-urlencoded *(?:;|$)/i.test(type)) return null;
  return new Fault(415, 'content-type', 'This page takes its own form only: application/x-www-form-urlencoded.');
}

/** An address as it stands in a Host field: IPv6 in brackets, IPv4 that came over an IPv6 socket as IPv4. */
function hostName(address: string): string {
  const plain = address.toLowerCase().replace(/^\[|\]$/g, '');
  if (!plain.includes(':')) return plain;
  return plain.startsWith('::ffff:') && plain.includes('.') ? plain.slice(7) : `[${plain}]`;
}

/** Whether an address can only be reached from this machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(?:\.[0-9]{1,3}){3}$/.test(host);
}

/** The bytes of a header value, which Node reads as Latin-1 whatever was meant. */
function bytesOf(value: string): Buffer {
  return Buffer.from(value, 'latin1');
}

function sha256(data: string | Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}
