/**
 * Who may come in to ask about flags, at one address: Host, then the origin of the page, then the token.
 *
 * A question changes nothing, though it is a POST, so none of the rules of changing calls hold: a page may send it from another
 * origin if its origin is one of `ofrep.origins`. Every other origin is refused, also where the browser would keep the answer from
 * the page anyhow: a change stream that nobody can read would still take one of the places. A token comes as
 * `Authorization: Bearer` or as `X-API-Key`.
 *
 * A browser's EventSource can send neither. So the answer about all flags names the stream with a *pass* in its query, which is
 * derived from the token: it opens streams and nothing else, is good as long as its token and at every Tidegate that knows it,
 * and what is written into logs on the way is not the token. Rejected: passes that expire, because a client that is
 * told "not modified" goes on with the one it has; and random ones, because they would be void after a restart.
 *
 * Wrong tokens are slowed down as those of the admin API are (`wrong-tokens.ts`), and a token that is right is never told
 * to slow down by a 429, which would make a client stop asking altogether.
 *
 * Sources: the Fetch standard, section 3.3 (CORS protocol); RFC 9110, section 11.6.
 */
import { pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Fault } from './fault.ts';
import { bearerOf, type KnownToken, KnownTokens } from './known-tokens.ts';
import { type OfrepFault, turnedAway } from './ofrep-fault.ts';
import type { OfrepRules } from './ofrep-rules.ts';
import { OwnHost } from './own-host.ts';
import type { WrongTokens } from './wrong-tokens.ts';

/** Who has come in: with which token, null where none is needed. */
export interface OfrepCaller {
  readonly token: KnownToken | null;
}

/** So many rounds make a token that was chosen badly dear to guess from its pass, and take half a millisecond once. */
const PASS_ROUNDS = 1000;
const PASS_BYTES = 16;

const PREFLIGHT_FIELDS = [
  ['Access-Control-Allow-Methods', 'GET, POST'],
  ['Access-Control-Allow-Headers', 'Content-Type, Authorization, X-API-Key, If-None-Match'],
  ['Access-Control-Max-Age', '600'],
].flat();

export class OfrepDoor {
  readonly #host: OwnHost;
  readonly #rules: () => OfrepRules;
  readonly #wrongTokens: WrongTokens;
  readonly #passes = new WeakMap<KnownToken, Buffer>();
  #read: OfrepRules | null = null;
  #known = new KnownTokens([]);
  #origins: ReadonlySet<string> = new Set();

  /** `host` is the address that is listened on; `rules` gives the same object until the rules change. */
  constructor(host: string, rules: () => OfrepRules, setting: string, wrongTokens: WrongTokens) {
    this.#host = new OwnHost(host, 'this address', setting);
    this.#rules = rules;
    this.#wrongTokens = wrongTokens;
  }

  /** Why the request may not be looked at, whoever sent it; null when it may. */
  checkPlace(req: IncomingMessage): OfrepFault | null {
    const rules = this.#follow();
    if (rules.hosts !== null) {
      const fault = this.#host.check(req);
      if (fault !== null) return turnedAway(fault.status, 'host', fault.message);
    }
    const { origin } = req.headers;
    if (origin === undefined || this.#mayAsk(origin) || isOwnOrigin(origin, req)) return null;
    return turnedAway(403, 'origin', 'Pages of this origin may not ask here: it is not in ofrep.origins.');
  }

  /**
   * Tells `done` who asks, or why they may not: at once, or late after a wrong token. `pass` is that of a change stream, null
   * where none is taken.
   */
  identify(req: IncomingMessage, pass: string | null, done: (outcome: OfrepCaller | OfrepFault) => void): void {
    const { needsToken } = this.#follow();
    if (!needsToken) {
      done({ token: null });
      return;
    }
    const address = req.socket.remoteAddress ?? '';
    const given = bearerOf(req) ?? req.headers['x-api-key']?.toString();
    const token = this.#known.find(given) ?? this.#findByPass(pass);
    if (token !== null) {
      const early = this.#wrongTokens.checkRight(address, token.name);
      done(early === null ? { token } : refused(early));
      return;
    }
    const wasGiven = given !== undefined || pass !== null;
    const text = wasGiven ? 'The token is not the right one.' : NEEDS_TOKEN;
    const fault = new Fault(401, 'unauthorized', text, null, { 'WWW-Authenticate': 'Bearer realm="tidegate"' });
    this.#wrongTokens.answer(address, fault, wasGiven, (late) => done(refused(late)));
  }

  /** What opens change streams in place of this caller's token; null where none is needed. */
  passFor({ token }: OfrepCaller): string | null {
    return token === null ? null : this.#passOf(token).toString('base64url');
  }

  /** The fields that let the page of a request read the answer, names and values in turn. */
  corsFields(req: IncomingMessage): readonly string[] {
    const { origin } = req.headers;
    if (this.#follow().origins.length === 0) return [];
    if (this.#origins.has('*')) return ['Access-Control-Allow-Origin', '*', 'Access-Control-Expose-Headers', 'ETag'];
    if (origin === undefined || !this.#mayAsk(origin)) return ['Vary', 'Origin'];
    return ['Access-Control-Allow-Origin', origin, 'Access-Control-Expose-Headers', 'ETag', 'Vary', 'Origin'];
  }

  /** What a preflight is told beside those. */
  preflightFields(): readonly string[] {
    return PREFLIGHT_FIELDS;
  }

  #follow(): OfrepRules {
    const rules = this.#rules();
    if (rules !== this.#read) {
      this.#read = rules;
      this.#known = new KnownTokens(rules.tokens);
      this.#host.allow(rules.hosts ?? []);
      this.#origins = new Set(rules.origins);
    }
    return rules;
  }

  #mayAsk(origin: string): boolean {
    return this.#origins.has('*') || this.#origins.has(origin);
  }

  #findByPass(pass: string | null): KnownToken | null {
    if (pass === null) return null;
    const given = Buffer.from(pass, 'base64url');
    if (given.length !== PASS_BYTES) return null;
    let found: KnownToken | null = null;
    for (const token of this.#known.all) if (timingSafeEqual(given, this.#passOf(token))) found ??= token;
    return found;
  }

  #passOf(token: KnownToken): Buffer {
    let pass = this.#passes.get(token);
    if (pass === undefined) {
      pass = pbkdf2Sync(token.digest, 'tidegate change stream', PASS_ROUNDS, PASS_BYTES, 'sha256');
      this.#passes.set(token, pass);
    }
    return pass;
  }
}

const NEEDS_TOKEN = 'This call needs Authorization: Bearer <token>, or X-API-Key: <token>.';

function refused({ status, message, headers }: Fault): OfrepFault {
  return turnedAway(status === 429 ? 503 : status, 'token', message, headers);
}

/** Whether a page asks that was itself served under the Host of the request. */
function isOwnOrigin(origin: string, req: IncomingMessage): boolean {
  return /^https?:\/\/([^/]+)$/.exec(origin.toLowerCase())?.[1] === req.headers.host?.toLowerCase();
}
