/**
 * Who waits at an endpoint for want of a socket: nobody tells an endpoint that there is room again, so it must look by itself, and
 * an idle connection that does not serve whoever waits must not stand in the way.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import { Board } from '../../../src/control/board.ts';
import { buildSnapshot } from '../../../src/control/snapshot-builder.ts';
import type { Caller } from '../../../src/proxy/caller.ts';
import { Endpoint } from '../../../src/proxy/endpoint.ts';
import { socketRoom } from '../../../src/proxy/socket-room.ts';
import type { UpstreamConnection } from '../../../src/proxy/upstream.ts';
import { createGateMemory, GateWriter } from '../../../src/routing/gate.ts';
import type { Cleaning } from './driven-thread.ts';
import { configOf, NO_FLAGS } from './snapshots.ts';

/** Asks and remembers the connection that it was given. */
class Asker {
  connection: UpstreamConnection | null = null;
  readonly epoch = 1;
  readonly downstream = null;
  readonly head = { method: 'GET' };

  onConnection(connection: UpstreamConnection): void {
    this.connection = connection;
  }

  onConnected(): void {}

  get asCaller(): Caller {
    return this as unknown as Caller;
  }
}

async function endpointOf(t: Cleaning, connections: number): Promise<Endpoint> {
  const accepted = new Set<Socket>();
  const server = createServer((socket) => {
    accepted.add(socket);
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = configOf({
    listeners: [{ address: '127.0.0.1:0' }],
    services: {
      app: { pools: { main: { version: 'v1', endpoints: [address] } }, limits: { connections } },
    },
    routes: [{ service: 'app' }],
  });
  const gate = createGateMemory(1);
  new GateWriter(gate, 1).move(0, 1, [1]);
  const board = new Board(1);
  const { services } = buildSnapshot({
    config,
    generation: 1,
    board,
    gateOf: () => gate,
    portOf: () => 1,
    flags: NO_FLAGS,
  });
  const endpoint = new Endpoint('app/main', services[0]!.pools[0]!.endpoints[0]!, services[0]!, 0);
  t.teardown(() => {
    socketRoom.limit(Number.POSITIVE_INFINITY);
    endpoint.destroy();
    for (const socket of accepted) socket.destroy();
    server.close();
  });
  return endpoint;
}

async function connectedTo(asker: Asker): Promise<UpstreamConnection> {
  while (asker.connection?.connected !== true) await turn();
  return asker.connection;
}

t.test('who waits because there was no socket to spare is served when there is one', async (t) => {
  const endpoint = await endpointOf(t, 8);
  const [first, second] = [new Asker(), new Asker()];
  endpoint.acquire(first.asCaller, false);
  await connectedTo(first);
  socketRoom.limit(1);
  t.equal(endpoint.acquire(second.asCaller, false), 'queued');
  endpoint.sweep(0);
  t.equal(second.connection, null);
  socketRoom.limit(2);
  endpoint.sweep(0);
  t.not(await connectedTo(second), first.connection);
});

t.test('who needs a fresh connection takes the place of an idle one', async (t) => {
  const endpoint = await endpointOf(t, 1);
  const [first, second] = [new Asker(), new Asker()];
  endpoint.acquire(first.asCaller, false);
  const idle = await connectedTo(first);
  idle.exchange = null;
  endpoint.release(idle, 0);
  t.equal(endpoint.acquire(second.asCaller, true), 'assigned');
  t.not(await connectedTo(second), idle);
  t.equal(idle.usable, false);
});

t.test('and takes it too when the socket of the idle one must be closed first', async (t) => {
  const endpoint = await endpointOf(t, 4);
  const [busy, first, second] = [new Asker(), new Asker(), new Asker()];
  endpoint.acquire(busy.asCaller, false);
  endpoint.acquire(first.asCaller, false);
  await connectedTo(busy);
  const idle = await connectedTo(first);
  idle.exchange = null;
  endpoint.release(idle, 0);
  socketRoom.limit(2);
  t.equal(endpoint.acquire(second.asCaller, true), 'queued');
  while (second.connection === null) {
    endpoint.sweep(0);
    await turn();
  }
  t.not(await connectedTo(second), idle);
});
