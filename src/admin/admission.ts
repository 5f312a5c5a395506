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
 * reads the environment that the config names. Questions about flags, whose contexts are too long for a URL, spend time too,
 * and need a token where any is set, but one that may read is enough. Reads need no token unless the config says so: they show no secret, and
 * operators' tools read without one. Probes and /metrics need no rule at all, since orchestrators call them by whatever
 * address they know.
 *
 * Sources: RFC 9110, sections 7.2 (Host), 7.4 (421), 11.6 (Authorization); the Fetch standard on preflights and Origin.
 */
import type { IncomingMessage } from 'node:http';
import { Fault } from './fault.ts';
import { bearerOf, type KnownToken, KnownTokens, type NamedToken, type Role } from './known-tokens.ts';
import { OwnHost } from './own-host.ts';

/** Who may call, as the config in force says it. */
export interface AdminAccess {
  /** A token without a name that may operate; empty where none is set. */
  readonly token: string;
  readonly tokens: readonly NamedToken[];
  readonly readsNeedToken: boolean;
  /** Further Host values, with a port for exactly that one or without for any; compared without regard to case. */
  readonly allowedHosts: readonly string[];
}

/** Whether any token is set: without one, whoever reaches the address may change things. */
export function hasToken({ token, tokens }: AdminAccess): boolean {
  return token !== '' || tokens.length > 0;
}

/** All tokens of the admin API, the one without a name first. */
export function tokensOf({ token, tokens }: Pick<AdminAccess, 'token' | 'tokens'>): readonly NamedToken[] {
  return token === '' ? tokens : [{ name: '', token, role: 'operate' }, ...tokens];
}

/** Decides for each request whether it may be looked at. */
export class Admission {
  readonly #host: OwnHost;
  readonly #access: () => AdminAccess;
  readonly #checkRight: (address: string, token: string) => Fault | null;
  #read: AdminAccess | null = null;
  #known = new KnownTokens([]);

  /**
   * `host` is the address that the admin API was told to listen on; `access` gives the same object until it changes.
   * `checkRight` is asked about every right token, by the address and its name, before it counts as one.
   */
  constructor(
    host: string,
    access: () => AdminAccess,
    checkRight: (address: string, token: string) => Fault | null = () => null,
  ) {
    this.#host = new OwnHost(host, 'this admin API', 'admin.allowedHosts');
    this.#access = access;
    this.#checkRight = checkRight;
  }

  /** Whether the request is addressed to the admin API itself; the fault says how to make it so. */
  checkHost(req: IncomingMessage): Fault | null {
    this.#follow();
    return this.#host.check(req);
  }

  /** Whether a changing call, whose Host is already admitted, comes from somebody who may make it. */
  checkChange(req: IncomingMessage): Fault | null {
    return this.#checkOrigin(req) ?? this.#checkToken(req, 'operate') ?? checkContentType(req);
  }

  /**
   * Whether a POST that changes nothing may be asked: no page of another origin may, and where any token is set, it takes one,
   * but one that may read is enough.
   */
  checkQuestion(req: IncomingMessage): Fault | null {
    return this.#checkOrigin(req) ?? this.#checkToken(req, 'read') ?? checkContentType(req);
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
    this.#known = new KnownTokens(tokensOf(access));
    this.#host.allow(access.allowedHosts);
  }

  #checkOrigin(req: IncomingMessage): Fault | null {
    const origin = req.headers.origin;
    if (origin === undefined) return null;
    const authority = /^https?:\/\/([^/]+)$/.exec(origin.toLowerCase())?.[1];
    if (authority === req.headers.host?.toLowerCase()) return null;
    if (authority !== undefined && this.#host.allows(authority)) return null;
    return new Fault(403, 'wrong-origin', 'Pages of another origin may not change anything here.', {
      origin: origin.slice(0, 260),
    });
  }

  #checkToken(req: IncomingMessage, needed: Role): Fault | null {
    if (this.#known.isEmpty) return null;
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
    return this.#known.find(bearerOf(req));
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

/** Whether an address can only be reached from this machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(?:\.[0-9]{1,3}){3}$/.test(host);
}
