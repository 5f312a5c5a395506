/**
 * PROXY headers to endpoints: what they say, once at the start of each connection, and whose connection it then is.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { until } from '../scenario/stage/until.ts';
import { GET, OK, OK_RELAYED, responseEnd } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';
import type { WireEnd } from './stage/wire-end.ts';

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
const HEADER = /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 (\d+) (\d+)\r\n/;

/** Sends a request on a connection that is open, and waits for its answer, which is the `count`th. */
async function askAgain(client: WireEnd, count: number): Promise<void> {
  client.send(GET);
  await client.until('the answer', (text) => text.length >= count * OK_RELAYED.length);
}

/** The version 1 header that an endpoint must be told of this client. */
function headerOf(client: WireEnd): string {
  const { localPort, remotePort } = client.socket;
  return `PROXY TCP4 127.0.0.1 127.0.0.1 ${localPort} ${remotePort}\r\n`;
}

t.test('each connection begins with one header that names its client, and only that client reuses it', async (t) => {
  const rig = await Rig.start(t, { service: { proxyProtocol: 'v1' } });
  const one = await rig.client();
  const other = await rig.client();
  await askAgain(one, 1);
  await askAgain(other, 1);
  await askAgain(one, 2);
  await askAgain(other, 2);
  const { ends } = rig.upstream;
  t.equal(ends.length, 2);
  for (const [index, client] of [one, other].entries()) {
    const { received } = ends[index]!;
    t.ok(received.startsWith(`${headerOf(client)}GET / HTTP/1.1\r\n`), 'its own header is first');
    t.equal(received.split('PROXY ').length, 2, 'it is said once');
    t.equal(received.split('GET / ').length, 3, 'both requests came on it');
  }
});

t.test('the connection of a client that has gone is closed', async (t) => {
  const rig = await Rig.start(t, { service: { proxyProtocol: 'v1' } });
  const client = await rig.client();
  await askAgain(client, 1);
  const end = rig.upstream.ends[0]!;
  t.equal(end.ending, null);
  client.end();
  await end.ended();
  t.equal(end.ending, 'end');
});

t.test('an idle connection of another client makes room when all places are taken', async (t) => {
  const rig = await Rig.start(t, { service: { proxyProtocol: 'v1', limits: { connections: 1 } } });
  const one = await rig.client();
  const other = await rig.client();
  await askAgain(one, 1);
  await askAgain(other, 1);
  await askAgain(one, 2);
  t.same(
    rig.upstream.ends.map(({ received }) => received.slice(0, received.indexOf('\n') + 1)),
    [one, other, one].map(headerOf),
  );
});

t.test('who waits in the queue gets a connection of its own, not the one that has become free', async (t) => {
  const rig = await Rig.start(t, { service: { proxyProtocol: 'v1', limits: { connections: 1 } } });
  rig.upstream.hold();
  const one = await rig.client();
  const other = await rig.client();
  one.send(GET);
  const first = await rig.upstream.request();
  other.send(GET);
  await rig.untilQueued();
  rig.upstream.answerOk();
  first.end.send(OK);
  await other.until('the answer', (text) => responseEnd(text, 0) >= 0);
  t.equal(rig.upstream.ends.length, 2);
  t.ok(rig.upstream.ends[1]!.received.startsWith(headerOf(other)));
});

t.test('a client that a PROXY header has named is named to endpoints, not the proxy in front', async (t) => {
  const rig = await Rig.start(t, {
    service: { proxyProtocol: 'v1' },
    listener: { proxyProtocol: 'accept', trustedProxies: ['127.0.0.0/8'] },
  });
  const cases = [
    ['PROXY TCP4 192.0.2.1 198.51.100.2 56583 443\r\n', 'PROXY TCP4 192.0.2.1 198.51.100.2 56583 443\r\n'],
    ['PROXY TCP6 2001:DB8::1 2001:db8::2 1 2\r\n', 'PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n'],
    ['PROXY UNKNOWN\r\n', 'PROXY UNKNOWN\r\n'],
  ] as const;
  for (const [header, sent] of cases) {
    const count = rig.upstream.ends.length;
    t.equal(await rig.ask(header + GET), OK_RELAYED);
    t.ok(rig.upstream.ends[count]!.received.startsWith(`${sent}GET / `), sent);
  }
  t.equal(await rig.ask(`${SIGNATURE}\x20\x00\x00\x00${GET}`), OK_RELAYED);
  t.match(rig.upstream.ends.at(-1)!.received, HEADER, 'a proxy that speaks for itself');
});

/** An endpoint that keeps what each connection has sent, and answers whatever comes after `headerBytes`. */
async function rawEndpoint(t: Test, headerBytes: number): Promise<{ address: string; connections: Buffer[] }> {
  const connections: Buffer[] = [];
  const server = createServer((socket: Socket) => {
    const index = connections.push(Buffer.alloc(0)) - 1;
    socket.on('data', (chunk: Buffer) => {
      connections[index] = Buffer.concat([connections[index]!, chunk]);
      if (connections[index].includes('\r\n\r\n', headerBytes)) socket.write(OK);
    });
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, connections };
}

t.test('version 2 is sent as it is written down, and health checks say that they speak for themselves', async (t) => {
  const served = await rawEndpoint(t, 28);
  const checkedV2 = await rawEndpoint(t, 16);
  const checkedV1 = await rawEndpoint(t, 15);
  const pools = (address: string) => ({ only: { version: 'v1', endpoints: [address] } });
  const health = { path: '/healthz', interval: '50ms' };
  const rig = await Rig.start(t, {
    services: {
      served: { pools: pools(served.address), proxyProtocol: 'v2' },
      'checked-v2': { pools: pools(checkedV2.address), proxyProtocol: 'v2', health },
      'checked-v1': { pools: pools(checkedV1.address), proxyProtocol: 'v1', health },
    },
    routes: [{ service: 'served' }],
  });
  const client = await rig.client();
  client.send(GET);
  await client.until('the answer', (text) => responseEnd(text, 0) >= 0);
  const expected = Buffer.from(`${SIGNATURE}\x21\x11\x00\x0c\x7f\x00\x00\x01\x7f\x00\x00\x01\0\0\0\0`, 'latin1');
  expected.writeUInt16BE(client.socket.localPort!, 24);
  expected.writeUInt16BE(client.socket.remotePort!, 26);
  t.same(served.connections[0]!.subarray(0, 28), expected);
  t.equal(served.connections[0]!.toString('latin1', 28, 44), 'GET / HTTP/1.1\r\n');

  const isUp = (name: string): boolean => {
    const view = rig.plane.services().find((service) => service.name === name)!;
    return view.pools[0]!.endpoints[0]!.health === 'up';
  };
  await until('both are found up', () => isUp('checked-v2') && isUp('checked-v1'));
  t.equal(checkedV2.connections[0]!.toString('latin1', 0, 20), `${SIGNATURE}\x20\x00\x00\x00GET `);
  t.equal(checkedV1.connections[0]!.toString('latin1', 0, 19), 'PROXY UNKNOWN\r\nGET ');
});
