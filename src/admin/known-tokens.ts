/**
 * The tokens that are good somewhere, and which of them a request carries.
 *
 * Both sides are hashed before the comparison, so that its time tells neither the token nor its length, and all tokens are
 * compared whichever fits. Source: RFC 9110, section 11.6 (Authorization).
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** What a token is good for: `read` shows, `operate` also changes. */
export type Role = 'read' | 'operate';

/** A secret of the config, with the name of whoever has it. */
export interface NamedToken {
  /** '' for the one without a name. */
  readonly name: string;
  readonly token: string;
  readonly role: Role;
}

/** A token that is good, without its text. */
export interface KnownToken {
  readonly name: string;
  readonly role: Role;
  readonly digest: Buffer;
}

/** The tokens of one server. */
export class KnownTokens {
  /** In the order of the config. */
  readonly all: readonly KnownToken[];

  constructor(tokens: readonly NamedToken[]) {
    this.all = tokens.map(({ name, token, role }) => ({ name, role, digest: sha256(token) }));
  }

  get isEmpty(): boolean {
    return this.all.length === 0;
  }

  /** The token with this text, as it stood in a field; null when it is none of these. */
  find(given: string | undefined): KnownToken | null {
    if (given === undefined) return null;
    // Node reads the value of a field as Latin-1, whatever was meant.
    const digest = sha256(Buffer.from(given, 'latin1'));
    let found: KnownToken | null = null;
    for (const known of this.all) if (timingSafeEqual(digest, known.digest)) found ??= known;
    return found;
  }
}

/** The token in `Authorization: Bearer`; undefined when there is none. */
export function bearerOf(req: IncomingMessage): string | undefined {
  return /^bearer +(.+)$/i.exec(req.headers.authorization ?? '')?.[1];
}

function sha256(data: string | Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}
