/**
 * What a snapshot says of the context of flags: where a data thread finds key and attributes in a request, whose tokens and choices
 * it believes, what it tells endpoints, and where it counts.
 *
 * Plain, validated data, like everything in a snapshot. It is null there when the config has no flags, which is all that a
 * request without flags ever sees of it.
 */

/** A place in a request; `jwt` is a claim of the token. */
export interface ContextPlace {
  readonly kind: 'header' | 'cookie' | 'query' | 'jwt';
  /** A header in lower case, everything else as it is. */
  readonly name: string;
}

/** Where an attribute is found, and what its text is read as. */
export interface AttributeSource extends ContextPlace {
  readonly as: 'text' | 'number' | 'boolean';
}

/** The signature algorithms that a token may have. */
export type TokenAlgorithm =
  | 'HS256'
  | 'HS384'
  | 'HS512'
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'EdDSA';

/** The token whose claims are looked at. */
export interface TokenSpec {
  readonly from: { readonly kind: 'header' | 'cookie'; readonly name: string };
  /** How it is checked; null for a token that is believed as it is. */
  readonly verify: {
    /** A secret, or a public key as PEM. */
    readonly key: string;
    readonly algorithms: readonly TokenAlgorithm[];
    readonly issuer: string | null;
    readonly audience: string | null;
  } | null;
}

/** What data threads do about exposures. */
export interface ExposureSpec {
  /** What keys are hashed with; '' for a plain hash. */
  readonly secret: string;
  readonly windowMs: number;
  /** How many of the last exposures a thread remembers. */
  readonly memory: number;
}

export interface FlagContextSpec {
  /** The first of these that is there is the key. */
  readonly key: readonly ContextPlace[];
  readonly attributes: readonly (readonly [name: string, source: AttributeSource])[];
  readonly token: TokenSpec | null;
  /** The cookie by which visitors without a key get one. */
  readonly anonymous: { readonly cookie: string; readonly maxAgeS: number } | null;
  readonly overrides: { readonly header: string; readonly cookie: string | null; readonly secret: string } | null;
  /** The longest value of `Feature-Flags`. */
  readonly headerBytes: number;
  readonly baggage: boolean;
  readonly exposures: ExposureSpec | null;
  /** The counters of what is not about one flag (see `flag-tally.ts`). */
  readonly tally: SharedArrayBuffer;
}
