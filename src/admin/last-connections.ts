/**
 * Ends what is still open some time after a server was told to close.
 *
 * Node closes idle connections then, waits for the others, and looks at none of their deadlines any more. A request whose end
 * never comes would keep the process for ever.
 */
import type { Server } from 'node:http';

/** How long requests that have begun may take once their server closes. */
const GRACE_MS = 1_000;

/** To be called when the server is told to close; what it starts ends with the server. */
export function endLastConnections(server: Server): void {
  const timer = setTimeout(() => server.closeAllConnections(), GRACE_MS);
  server.once('close', () => clearTimeout(timer));
}
