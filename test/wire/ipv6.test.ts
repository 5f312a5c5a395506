/** IPv6 on every side: listeners, endpoints, trusted ranges, and how addresses are written in fields and logs. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import t from 'tap';
import { ControlPlane } from '../../src/control/control-plane.ts';
import { until } from '../scenario/stage/until.ts';

interface Seen {
  readonly host: string;
  readonly way: string;
  readonly forwarded: string;
  readonly peer: string;
}

let plane: ControlPlane;
const log: string[] = [];

t.before(async () => {
  const server = createServer((req, res) => {
    const { host = '', 'x-forwarded-for': way, forwarded } = req.headers;
    res.end(JSON.stringify({ host, way, forwarded, peer: req.socket.remoteAddress }));
  });
  server.listen(0, '::1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const file = join(t.testdir(), 'tidegate.yaml');
  const listener = (name: string, address: string, more: object = {}) => ({ name, address, ...more });
  const config = {
    listeners: [
      listener('six', '[::1]:0'),
      listener('both', '[::]:0'),
      listener('trusting', '[::]:0', { trustedProxies: ['::1/128', 'fd00::/8'], proxyProtocol: 'accept' }),
    ],
    workers: 1,
    state: join(t.testdirName, 'state.db'),
    log: { level: 'fatal', access: 'all' },
    services: {
      app: {
        pools: { main: { version: 'v1', endpoints: [`[0:0::1]:${port}`] } },
        health: { path: '/', interval: '50ms' },
      },
    },
    routes: [{ service: 'app' }],
  };
  writeFileSync(file, JSON.stringify(config));
  const started = await ControlPlane.start({
    file,
    env: {},
    log: pino({ level: 'silent' }),
    accessLog: (lines) => log.push(...lines.trim().split('\n')),
  });
  if ('failed' in started) throw new Error(started.lines.join('\n'));
  plane = started;
  t.teardown(() => plane.terminate());
});

function portOf(listener: string): number {
  const { address } = plane.listeners().find(({ name }) => name === listener)!;
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

function ask(listener: string, host: string, headers: Record<string, string> = {}): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const req = request({ host, port: portOf(listener), headers, agent: false }, (res) => {
      let body = '';
      res.setEncoding('utf8').on('data', (piece: string) => {
        body += piece;
      });
      res.on('end', () => resolve(JSON.parse(body) as Seen));
    });
    req.on('error', reject);
    req.end();
  });
}

t.test('a listener and an endpoint on IPv6: the address is quoted where a field needs it', async (t) => {
  t.match(plane.listeners()[0]!.address, /^\[::1\]:\d+$/);
  const host = `[::1]:${portOf('six')}`;
  t.same(await ask('six', '::1'), {
    host,
    way: '::1',
    forwarded: `for="[::1]";host="${host}";proto=http`,
    peer: '::1',
  });
});

t.test('a listener on [::] takes IPv4 too, and writes its clients as IPv4, in fields and in the log', async (t) => {
  t.match(await ask('both', '127.0.0.1', { host: 'app.test' }), { way: '127.0.0.1', forwarded: /^for=127\.0\.0\.1;/ });
  t.match(await ask('both', '::1', { host: 'app.test' }), { way: '::1', forwarded: /^for="\[::1\]";/ });
  const clients = await until('both are in the log', () => {
    const found = log.map((line) => (JSON.parse(line) as { client: string }).client);
    return found.includes('127.0.0.1') ? found : null;
  });
  t.ok(clients.includes('::1'));
  t.notOk(clients.includes('::ffff:127.0.0.1'));
});

t.test('trusted ranges hold IPv6 addresses, however they are written', async (t) => {
  const claim = { host: 'app.test', 'x-forwarded-for': '2001:DB8:0:0::9' };
  t.equal((await ask('trusting', '::1', claim)).way, '2001:DB8:0:0::9, ::1');
  t.equal((await ask('trusting', '127.0.0.1', claim)).way, '127.0.0.1');
  const client = await until('it is in the log', () =>
    log.map((line) => (JSON.parse(line) as { client: string }).client).find((one) => one.startsWith('2001')),
  );
  t.equal(client, '2001:db8::9');
});

t.test('a PROXY header names an IPv6 client in logs and fields', async (t) => {
  const socket = connect({ host: '::1', port: portOf('trusting') });
  socket.write('PROXY TCP6 2001:DB8::77 2001:db8::2 4711 443\r\nGET / HTTP/1.0\r\nHost: app.test\r\n\r\n');
  let text = '';
  for await (const piece of socket) text += piece;
  const seen = JSON.parse(text.slice(text.indexOf('{'))) as Seen;
  t.match(seen, { way: '2001:db8::77', forwarded: /^for="\[2001:db8::77\]";/ });
  t.ok(await until('it is in the log', () => log.some((line) => line.includes('"client":"2001:db8::77"'))));
});

t.test('an IPv6 endpoint is checked, and has one spelling', async (t) => {
  const endpoint = () => plane.services()[0]!.pools[0]!.endpoints[0]!;
  t.match(endpoint().address, /^\[::1\]:\d+$/);
  await until('it is found up', () => endpoint().health === 'up');
  t.equal(endpoint().lastCheck?.detail, 'status 200');
});
