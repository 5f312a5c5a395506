/**
 * Ports that can be had: which port stands for a configured 0, and whether an address is free.
 *
 * With `reusePort` a second program may open the same port without an error and take half of the connections. So a new
 * listener's address is first opened by the control plane alone, without sharing, and closed again: that fails with a
 * clear error when anybody else has it.
 */
import { createServer } from 'node:net';

/** Whether this system lets several threads open one port (Linux, FreeBSD, Solaris; not macOS, not Windows). */
export async function canReusePort(): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port: 0, reusePort: true }, () => server.close(() => resolve(true)));
  });
}

/** Opens and closes an address; gives its port (a free one for 0), or why it cannot be had. */
export async function probePort(
  host: string,
  port: number,
): Promise<{ readonly port: number } | { readonly error: string }> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE'
          ? 'another program uses this port'
          : error.code === 'EACCES'
            ? 'this user may not open it'
            : error.code === 'EADDRNOTAVAIL'
              ? 'this machine does not have this address'
              : error.message;
      resolve({ error: why });
    });
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      const given = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => resolve({ port: given }));
    });
  });
}
