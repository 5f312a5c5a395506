/**
 * Unix sockets on both sides, with real processes: who may connect, what a dead process leaves behind, who is believed.
 */
import { once } from 'node:events';
import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { ControlPlane } from '../../src/control/control-plane.ts';
import { type Cleaning, Tidegate, temporaryDirectory } from './stage/tidegate.ts';
import { until } from './stage/until.ts';

/** An application on a Unix socket: it answers with the fields that say where a request came from. */
async function application(t: Cleaning, path: string): Promise<{ checks: number }> {
  const seen = { checks: 0 };
  const server = createServer((req, res) => {
    if (req.url === '/healthz') {
      seen.checks += 1;
      res.end();
      return;
    }
    const { host, 'x-forwarded-for': way, 'x-forwarded-port': port = '', forwarded } = req.headers;
    res.end(JSON.stringify({ host, way, port, forwarded }));
  });
  server.listen(path);
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return seen;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function ask(socketPath: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request({ socketPath, path: '/', headers: { host: 'shop.test', ...headers }, agent: false }, (res) => {
      let body = '';
      res.setEncoding('utf8').on('data', (piece: string) => {
        body += piece;
      });
      res.on('end', () => resolve({ status: res.statusCode!, body }));
    });
    req.on('error', reject);
    req.end();
  });
}

const config = (listener: string, endpoint: string, more = ''): string => `
listeners:
  - { name: tcp, address: '127.0.0.1:0' }
  - { name: door, address: 'unix:${listener}'${more} }
admin: { address: '127.0.0.1:0' }
workers: 2
overload: off
state: state.db
log: { level: error, access: off }
services:
  shop:
    pools: { only: { version: v1, endpoints: ['unix:${endpoint}'] } }
    health: { path: /healthz, interval: 50ms }
routes:
  - { service: shop }
`;

/** A control plane in this process, whose threads a test can end. */
async function startPlane(t: Test, directory: string, text: string): Promise<ControlPlane | readonly string[]> {
  const file = join(directory, 'tidegate.yaml');
  await writeFile(file, text.replace('state.db', join(directory, 'state.db')));
  const plane = await ControlPlane.start({ file, env: {}, log: pino({ level: 'silent' }), accessLog: () => {} });
  if ('failed' in plane) return plane.lines;
  t.teardown(() => plane.terminate());
  return plane;
}

async function running(t: Test, directory: string, text: string): Promise<ControlPlane> {
  const plane = await startPlane(t, directory, text);
  if (!('services' in plane)) throw new Error(plane.join('\n'));
  return plane;
}

t.test(
  'requests come in and go out by Unix sockets, health checks too, and the file has the rights it is given',
  async (t) => {
    const directory = await temporaryDirectory(t);
    const [door, app] = [join(directory, 'door.sock'), join(directory, 'app.sock')];
    const seen = await application(t, app);
    const plane = await running(t, directory, config(door, app, ", mode: '0620'"));
    t.equal((await stat(door)).mode & 0o777, 0o620);
    t.same(plane.listeners()[1], { name: 'door', address: `unix:${door}` });
    const [endpoint] = plane.services()[0]!.pools[0]!.endpoints;
    t.equal(endpoint!.address, `unix:${app}`);
    await until('the endpoint is found up', () => plane.services()[0]!.pools[0]!.endpoints[0]!.health === 'up');
    t.ok(seen.checks > 0);
    const answer = await ask(door, { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-port': '1' });
    t.equal(answer.status, 200);
    t.same(JSON.parse(answer.body), {
      host: 'shop.test',
      way: 'unknown',
      port: '',
      forwarded: 'for=unknown;host=shop.test;proto=http',
    });
    await plane.terminate();
    await t.rejects(stat(door), { code: 'ENOENT' }, 'the file goes with the process');
  },
);

t.test('peers on a Unix socket are believed if the listener says so', async (t) => {
  const directory = await temporaryDirectory(t);
  const [door, app] = [join(directory, 'door.sock'), join(directory, 'app.sock')];
  await application(t, app);
  await running(t, directory, config(door, app, ', trustedProxies: [unix], proxyProtocol: accept'));
  const answer = await ask(door, { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-port': '443' });
  t.match(JSON.parse(answer.body), { way: '203.0.113.9, unknown', port: '443' });

  const socket = connect({ path: door });
  socket.write('PROXY TCP4 192.0.2.1 198.51.100.2 56583 443\r\nGET / HTTP/1.0\r\n\r\n');
  let text = '';
  for await (const piece of socket) text += piece;
  t.match(
    JSON.parse(text.slice(text.indexOf('{'))),
    { way: '192.0.2.1', host: 'localhost' },
    'a PROXY header names the client',
  );
});

t.test(
  'what a killed process has left behind is taken over; what somebody listens on, or is no socket, is not',
  async (t) => {
    const directory = await temporaryDirectory(t);
    const [door, app] = [join(directory, 'door.sock'), join(directory, 'app.sock')];
    await application(t, app);
    const file = join(directory, 'tidegate.yaml');
    await writeFile(file, config(door, app).replace('level: error', 'level: info'));
    const killed = await Tidegate.start(t, file);
    t.equal((await ask(door)).status, 200);
    const second = await mkdirIn(directory, 'second');
    const refused = await startPlane(t, second, config(door, app));
    t.match(refused, [`unix:${door}: another program listens on this socket`], 'a socket that is in use stays');
    t.equal((await ask(door)).status, 200);

    await killed.kill();
    t.ok((await stat(door)).isSocket(), 'the file is still there');
    await t.rejects(ask(door), { code: 'ECONNREFUSED' });
    await Tidegate.start(t, file);
    t.equal((await ask(door)).status, 200);

    const plain = join(directory, 'plain.txt');
    await writeFile(plain, 'precious');
    const third = await mkdirIn(directory, 'third');
    t.match(await startPlane(t, third, config(plain, app)), [`unix:${plain}: there is a file that is no socket`]);
    t.equal((await stat(plain)).size, 8, 'and stays as it is');
  },
);

async function mkdirIn(directory: string, name: string): Promise<string> {
  const path = join(directory, name);
  await mkdir(path);
  return path;
}

t.test('a reload opens and closes Unix sockets, and is refused where it cannot', async (t) => {
  const directory = await temporaryDirectory(t);
  const [door, app] = [join(directory, 'door.sock'), join(directory, 'app.sock')];
  await application(t, app);
  const plane = await running(t, directory, config(door, app));
  const file = join(directory, 'tidegate.yaml');
  const reload = async (text: string) => {
    await writeFile(file, text.replace('state.db', join(directory, 'state.db')));
    return plane.reload({ by: 'test', reason: '', ifEpoch: null });
  };
  const elsewhere = join(directory, 'other.sock');
  t.match(await reload(config(elsewhere, app)), { result: 'applied' });
  t.equal((await ask(elsewhere)).status, 200);
  await until('the earlier one is gone', () =>
    stat(door).then(
      () => false,
      () => true,
    ),
  );

  t.match(await reload(config(elsewhere, app, ", mode: '0600'")), { result: 'applied' });
  await until('the file has its new rights', async () => ((await stat(elsewhere)).mode & 0o777) === 0o600);

  const taken = createTcpServer().listen(door);
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  t.match(await reload(config(door, app)), { refused: true, code: 'config-rejected' });
  t.equal((await ask(elsewhere)).status, 200, 'the earlier config stays in force');
});

t.test('the thread that serves Unix sockets may die: its replacement opens them again', async (t) => {
  const directory = await temporaryDirectory(t);
  const [door, app] = [join(directory, 'door.sock'), join(directory, 'app.sock')];
  await application(t, app);
  const plane = await running(t, directory, config(door, app, ", mode: '0600'"));
  t.equal((await ask(door)).status, 200);
  const replaced = new Promise<void>((resolve) => {
    plane.onEvent((event) => event.text.includes('has been replaced') && resolve());
  });
  await plane.threads.kill(0);
  await replaced;
  t.equal((await ask(door)).status, 200);
  t.equal((await stat(door)).mode & 0o777, 0o600);
});

t.test('an endpoint whose socket is not there is a failed connection like any other', async (t) => {
  const directory = await temporaryDirectory(t);
  const [door, app] = [join(directory, 'door.sock'), join(directory, 'app.sock')];
  const plane = await running(t, directory, config(door, app).replace(/\n {4}health:.*/, ''));
  t.equal((await ask(door)).status, 502);
  await application(t, app);
  t.equal((await ask(door)).status, 200);
  if (process.getuid?.() !== 0) {
    await chmod(app, 0o000);
    t.equal((await ask(door)).status, 200, 'the connection that is open is used on');
  }
  t.equal(plane.readiness().ready, true);
});
