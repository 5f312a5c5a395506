/**
 * What a listener says about its peers, checked as a whole: who may send a PROXY header, and what only fits a Unix socket.
 *
 * A PROXY header is believed from trusted peers only. A listener that takes one and trusts nobody either never takes one
 * or serves nobody, so it is refused here and not found out by the first client.
 */
import { isUnix } from './address.ts';
import type { Path } from './problem.ts';
import type { Listener } from './schema.ts';
import type { Source } from './source.ts';
import type { Structure } from './structure.ts';

/** Reports what does not fit together in the listener at `path`. */
export function checkPeers(listener: Listener, path: Path, source: Source, structure: Structure): void {
  const trusted = [...path, 'trustedProxies'];
  if (listener.proxyProtocol !== 'off' && listener.trustedProxies.length === 0 && !structure.touched(trusted)) {
    const message = 'trusts nobody to send a PROXY header';
    source.report({ path: [...path, 'proxyProtocol'], message, allowed: 'trustedProxies beside it' });
  }
  if (structure.touched([...path, 'address'])) return;
  if (listener.mode !== undefined && !isUnix(listener.address)) {
    const message = 'is about the file of a Unix socket, and this address has none';
    source.report({ path: [...path, 'mode'], message, allowed: 'mode beside an address such as unix:/path' });
  }
  const unixAt = listener.trustedProxies.indexOf('unix');
  if (unixAt >= 0 && !isUnix(listener.address) && !structure.touched(trusted)) {
    const message = 'is about Unix sockets, and this address is none';
    source.report({ path: [...trusted, unixAt], message, allowed: 'ranges of IP addresses' });
  }
}
