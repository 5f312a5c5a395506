/**
 * What the answers about flags must be to the rest of a config: an address that others reach must not answer everybody
 * by oversight.
 */
import { formatAddress, isLoopback } from './address.ts';
import { type Check, shown } from './name-checks.ts';
import type { Config } from './schema.ts';

/** Reports an address that answers strangers without having been told to. */
export function checkOfrep({ admin, ofrep }: Config, { source, structure }: Check): void {
  const path = ['ofrep', 'address'];
  if (structure.touched(path) || ofrep.address === undefined) return;
  const needsToken = ofrep.tokens.length > 0 || admin.tokens.some(({ role }) => role === 'read');
  if (ofrep.public && ofrep.tokens.length > 0) {
    const message = 'says that nobody needs a token, and ofrep.tokens has some';
    source.report({ path: ['ofrep', 'public'], message, severity: 'warning' });
  }
  if (ofrep.public || needsToken || isLoopback(ofrep.address.host)) return;
  const address = shown(source, path, formatAddress(ofrep.address));
  source.report({
    path,
    message: `${address} can be reached from other machines and there is no token`,
    value: address,
    allowed: 'a loopback address, or ofrep.tokens or `public: true` beside it',
  });
}
