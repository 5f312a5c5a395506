/**
 * Who may ask about flags at which address, as the config in force says it. Two doors lead to the same answers:
 *
 * - The admin address is the operators'. It keeps its own rules: the Host must be its own, and a token is needed where reading needs
 *   one. The tokens of applications are good there for flags only.
 * - The listener under `ofrep:` is for applications. It needs a token as soon as there is one that is good for it, unless it is
 *   declared public. As long as it needs none, it is either public or on loopback, and there the Host must be its own, so
 *   that no page can reach it under a name of its own. Tokens that may operate are not known at this door: they have no business in
 *   an application, and a door that strangers reach must not tell which of them are right.
 */
import type { Config } from '../config/schema.ts';
import { tokensOf } from './admission.ts';
import type { NamedToken } from './known-tokens.ts';

/** The rules of one door. */
export interface OfrepRules {
  readonly tokens: readonly NamedToken[];
  readonly needsToken: boolean;
  /** Further Host values beside its own; null for any Host. */
  readonly hosts: readonly string[] | null;
  /** Whose pages may ask; `*` among them for all. */
  readonly origins: readonly string[];
}

/** What both rules are made from. */
export type OfrepConfig = Pick<Config, 'admin' | 'ofrep'>;

/** The rules at the admin address. */
export function adminDoorRules({ admin, ofrep }: OfrepConfig): OfrepRules {
  const { tokens, readsNeedToken: needsToken, allowedHosts: hosts } = admin;
  const known = [...tokensOf({ token: admin.token ?? '', tokens }), ...ofrep.tokens];
  return { tokens: known, needsToken, hosts, origins: ofrep.origins };
}

/** The rules at the listener for applications. */
export function ownDoorRules({ admin, ofrep }: OfrepConfig): OfrepRules {
  const tokens = [...ofrep.tokens, ...admin.tokens.filter(({ role }) => role === 'read')];
  const needsToken = !ofrep.public && tokens.length > 0;
  return { tokens, needsToken, hosts: needsToken || ofrep.public ? null : ofrep.allowedHosts, origins: ofrep.origins };
}

/** Makes something of the config in force once for each config; gives the same object until that changes. */
export function followed<C, R>(inForce: () => C, make: (config: C) => R): () => R {
  let read: C | undefined;
  let made: R | undefined;
  return () => {
    const config = inForce();
    if (config !== read || made === undefined) made = make(config);
    read = config;
    return made;
  };
}
