/**
 * Loopback ports that are free now. All of a call are held open together and then given back together, so that none is
 * handed out twice; between that and the contender's own `listen` somebody else can take one, and then the contender's
 * start fails with its own message.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** Finds `count` different free ports on 127.0.0.1. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
