/**
 * Reads the claims of the token that a request carries, if somebody may be believed about them.
 *
 * fast-jwt checks signature, times, issuer and audience, synchronously, and remembers the last tokens that were good by a hash of
 * them, until they expire: a user who comes again costs a look-up. What was refused is not remembered, or a stranger could push
 * good tokens out with bad ones. An issuer or audience that is asked for must be there: by itself the library lets a token
 * without the claim pass.
 *
 * A token that is not believed is none. The request goes on without its claims, and it is counted.
 *
 * Source: RFC 7519 (JWT), RFC 6750, section 2.1 (Bearer).
 */
import { createDecoder, createVerifier } from 'fast-jwt';
import type { TokenSpec } from '../flags/context-spec.ts';
import type { FlagTallyWriter } from '../stats/flag-tally.ts';
import type { RequestFields } from './vouched-fields.ts';

/** Good tokens that a thread remembers for each generation of the config. */
const REMEMBERED = 1000;
const BEARER = /^bearer +/i;

/** The claims of a token. */
export type Claims = Readonly<Record<string, unknown>>;

export class TokenReader {
  readonly #from: TokenSpec['from'];
  readonly #read: (token: string) => unknown;
  readonly #tally: FlagTallyWriter;

  constructor({ from, verify }: TokenSpec, tally: FlagTallyWriter) {
    this.#from = from;
    this.#tally = tally;
    if (verify === null) {
      this.#read = createDecoder();
      return;
    }
    const { key, algorithms, issuer, audience } = verify;
    this.#read = createVerifier({
      key,
      algorithms: [...algorithms],
      cache: REMEMBERED,
      requiredClaims: [...(issuer === null ? [] : ['iss']), ...(audience === null ? [] : ['aud'])],
      ...(issuer === null ? {} : { allowedIss: issuer }),
      ...(audience === null ? {} : { allowedAud: audience }),
    });
  }

  /** The claims that are believed of this request, or null. */
  claims(fields: RequestFields): Claims | null {
    const token = this.#tokenOf(fields);
    if (token === undefined) return null;
    try {
      return this.#read(token) as Claims;
    } catch {
      this.#tally.count('token-refused');
      return null;
    }
  }

  /** Other kinds of `Authorization` are no tokens. */
  #tokenOf(fields: RequestFields): string | undefined {
    const { kind, name } = this.#from;
    if (kind === 'cookie') return fields.cookie(name);
    const value = fields.field(name);
    if (value === undefined || BEARER.test(value)) return value?.replace(BEARER, '');
    return name === 'authorization' ? undefined : value;
  }
}
