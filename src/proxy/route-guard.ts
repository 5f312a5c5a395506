/**
 * What a route refuses before a pool is chosen, in this order: addresses, then too many requests, then passwords. The rate
 * limit comes before the password so that it also slows down whoever guesses one.
 *
 * A forward-auth service is asked last, after this (`permission.ts`): it is the most expensive to ask, and whoever is
 * refused without it must not be able to wear it out.
 *
 * What a guard says about a request is written into its `Admission`. Every refusal is counted under the route.
 */
import { linesWithout } from '../http1/field-lines.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { clientKey } from '../routing/client-key.ts';
import type { RateLimitSpec } from '../routing/rules.ts';
import type { RouteSpec } from '../routing/snapshot.ts';
import { TokenBuckets } from '../routing/token-bucket.ts';
import { AuthWriter } from '../stats/auth-cells.ts';
import { RouteWriter } from '../stats/route-cells.ts';
import type { Admission } from './admission.ts';
import type { ForwardAuthRuntime } from './auth-call.ts';
import { credentialsOf } from './credentials.ts';
import { FAULTS, type Fault } from './fault.ts';
import type { PassRuntime } from './pass-rules.ts';
import type { PasswordChecks } from './password-checks.ts';
import type { ServiceRuntime } from './runtime.ts';
import { passwordFields, type RequestFields, spellings, VouchedFields, vouchedNames } from './vouched-fields.ts';

export class RouteGuard {
  readonly cells: RouteWriter;
  /** Who is asked last whether a request may go on, or null. */
  readonly forwardAuth: ForwardAuthRuntime | null;
  /** The field that carries the password, and the one that names the user to the endpoint. */
  readonly #passwordFields: ReadonlySet<string>;
  /** Those, and what only a forward-auth service may say: none of them passes. */
  readonly #privateFields: ReadonlySet<string>;
  readonly #userHeader: string;
  readonly #pass: PassRuntime | null;
  readonly #limit: RateLimitSpec | null;
  readonly #buckets: TokenBuckets | null;
  /** Hashes by user; a Map, so that no user's name can be a property of every object. */
  readonly #users: ReadonlyMap<string, string> | null;
  readonly #challenge: string;

  constructor(
    spec: RouteSpec,
    board: SharedArrayBuffer,
    pass: PassRuntime | null,
    thread: number,
    services: readonly ServiceRuntime[],
  ) {
    const { rateLimit, basicAuth, forwardAuth } = spec;
    this.cells = new RouteWriter(board, thread);
    this.#pass = pass;
    this.#limit = rateLimit;
    this.#buckets =
      rateLimit === null ? null : new TokenBuckets(rateLimit.buckets, rateLimit.intervalNs, rateLimit.burst);
    this.#users = basicAuth === null ? null : new Map(basicAuth.users.map(({ name, hash }) => [name, hash]));
    this.#challenge = `WWW-Authenticate: Basic realm="${basicAuth?.realm ?? ''}", charset="UTF-8"\r\n`;
    this.#userHeader = basicAuth?.userHeader ?? '';
    this.forwardAuth =
      forwardAuth === null
        ? null
        : {
            spec: forwardAuth,
            service: services[forwardAuth.service]!,
            cells: new AuthWriter(forwardAuth.board, thread),
            asked: new Set(forwardAuth.copyRequest),
            granted: new Set(forwardAuth.copyResponse),
          };
    this.#passwordFields = spellings(passwordFields(basicAuth));
    this.#privateFields = vouchedNames(spec);
  }

  /** The lines of a request without those that only this route's own checks may write. */
  withoutPrivate(lines: string): string {
    return this.#privateFields.size === 0 ? lines : linesWithout(lines, this.#privateFields);
  }

  /** The fields of a request as the endpoint gets them, once everything that has a say has let it on. */
  fieldsOf(head: RequestHead, { user, grantedLines }: Admission): RequestFields {
    if (this.#privateFields.size === 0) return head;
    return new VouchedFields(head, this.#privateFields, this.userLine(user) + grantedLines);
  }

  /** The lines of a request without its password, and without what the client says of who it is. */
  withoutPassword(lines: string): string {
    return this.#passwordFields.size === 0 ? lines : linesWithout(lines, this.#passwordFields);
  }

  /** The line that names a proven user, or ''. */
  userLine(user: string): string {
    return this.#userHeader === '' ? '' : `${this.#userHeader}: ${user}\r\n`;
  }

  /** Why the request is refused, or null; a password that has to be checked first is left in `admission.unproven`. */
  check(admission: Admission, head: RequestHead, passwords: PasswordChecks): Fault | null {
    if (this.#pass !== null && !this.#pass.admits(admission.client)) return this.denied();
    if (this.#buckets !== null && !this.#takesToken(admission, head)) {
      this.cells.count('rate-limited');
      return FAULTS.rateLimited;
    }
    return this.#users === null ? null : this.#authenticate(this.#users, admission, head, passwords);
  }

  /** The client's address is not let in, by the route or by the pool that was chosen. */
  denied(): Fault {
    this.cells.count('ip-denied');
    return FAULTS.ipDenied;
  }

  /** What became of a password: null lets the request go on. */
  outcome(admission: Admission, verdict: boolean | 'busy'): Fault | null {
    if (verdict === true) {
      admission.user = admission.unproven!.user;
      return null;
    }
    if (verdict === 'busy') {
      this.cells.count('auth-busy');
      admission.faultLines = 'Retry-After: 1\r\n';
      return FAULTS.authBusy;
    }
    this.cells.count('unauthorized');
    admission.faultLines = this.#challenge;
    return FAULTS.unauthorized;
  }

  #takesToken(admission: Admission, head: RequestHead): boolean {
    const limit = this.#limit!;
    const waitNs = this.#buckets!.take(keyOf(limit.by, admission, head), process.hrtime.bigint());
    if (waitNs === 0) return true;
    if (limit.dryRun) {
      this.cells.count('would-limit');
      admission.wouldLimit = true;
      return true;
    }
    admission.faultLines = `Retry-After: ${Math.ceil(waitNs / 1e9)}\r\n`;
    return false;
  }

  #authenticate(
    users: ReadonlyMap<string, string>,
    admission: Admission,
    head: RequestHead,
    passwords: PasswordChecks,
  ): Fault | null {
    const credentials = credentialsOf(head.field('authorization'));
    if (credentials === null) return this.outcome(admission, false);
    const { user, password } = credentials;
    const hash = users.get(user);
    // An unknown user costs as much time as a known one: who is a user is not to be read from a clock.
    const [decoy] = users.values();
    const check = { user, password, hash: hash ?? decoy!, known: hash !== undefined };
    if (passwords.isProven(check)) admission.user = user;
    else admission.unproven = check;
    return null;
  }
}

/** The key of a request; the letter before it keeps a field from passing for an address. */
function keyOf(by: RateLimitSpec['by'], admission: Admission, head: RequestHead): string {
  const value = by.kind === 'header' ? head.field(by.name) : by.kind === 'cookie' ? head.cookie(by.name) : undefined;
  return value === undefined ? `a${clientKey(admission.client)}` : `k${value}`;
}
