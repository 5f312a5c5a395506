/**
 * Shares of a flag through the proxy: ten thousand users on two data threads, while the share goes up and down; and a kill under load.
 *
 * Clients and endpoint are plain and fast: a client sends many requests in one write, and the endpoint answers with the key and
 * what it was told.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { Pool } from 'undici';
import { openServers } from '../../src/cli/run-servers.ts';
import { PlainContext } from '../../src/flags/plain-context.ts';
import { tidegateHere } from '../unit/cli/in-process.ts';
import { Rig } from '../wire/stage/rig.ts';
import { until } from './stage/until.ts';

const USERS = 10_000;
const CONNECTIONS = 16;
const BATCH = 50;
const FLAG = 'new-checkout';
const BY_TEST = { by: 'test', reason: '', ifEpoch: null };

async function start(t: Test): Promise<Rig> {
  const endpoint = createServer((req, res) => res.end(`[${req.headers['x-user']} ${req.headers['feature-flags']}]`));
  endpoint.listen(0, '127.0.0.1');
  await once(endpoint, 'listening');
  t.teardown(() => {
    endpoint.closeAllConnections();
    endpoint.close();
  });
  const { port } = endpoint.address() as AddressInfo;
  return Rig.start(t, {
    services: { echo: { pools: { only: { version: 'v1', endpoints: [`127.0.0.1:${port}`] } } } },
    routes: [{ path: '/flagged', service: 'echo', flags: [FLAG] }, { service: 'app' }],
    top: {
      workers: 2,
      admin: { address: '127.0.0.1:0' },
      overload: 'off',
      flags: { [FLAG]: { strategy: 'percentage', value: 5 } },
      flagContext: { key: [{ header: 'x-user' }] },
    },
  });
}

/** Connections that requests are sent on, all of them until the test ends. */
async function open(t: Test, rig: Rig): Promise<Socket[]> {
  const sockets = Array.from({ length: CONNECTIONS }, () => connect(rig.port(), '127.0.0.1'));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
  });
  for (const socket of sockets) socket.setEncoding('latin1').setNoDelay(true);
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  return sockets;
}

function requestOf(user: string): string {
  return `GET /flagged HTTP/1.1\r\nHost: app.test\r\nX-User: ${user}\r\n\r\n`;
}

/** Asks for all users on one connection, some at a time; gives what the endpoint was told of each. */
async function ask(socket: Socket, users: readonly string[], told: Map<string, string>): Promise<void> {
  for (let from = 0; from < users.length; from += BATCH) {
    const batch = users.slice(from, from + BATCH);
    let text = '';
    const come = new Promise<void>((resolve) => {
      const onData = (piece: string): void => {
        text += piece;
        if (text.split(']').length <= batch.length) return;
        socket.off('data', onData);
        resolve();
      };
      socket.on('data', onData);
    });
    socket.write(batch.map(requestOf).join(''));
    await come;
    for (const [, user, flags] of text.matchAll(/\[(\S+) (.*?)\]/g)) told.set(user!, flags!);
  }
}

async function askAll(sockets: readonly Socket[], users: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const told = new Map<string, string>();
  const part = Math.ceil(users.length / sockets.length);
  await Promise.all(sockets.map((socket, at) => ask(socket, users.slice(at * part, (at + 1) * part), told)));
  return told;
}

/** Does it for all, some at a time. */
async function forAll<Value>(users: readonly string[], each: (user: string) => Promise<Value>): Promise<Value[]> {
  const values: Value[] = [];
  let next = 0;
  const workers = Array.from({ length: CONNECTIONS }, async () => {
    while (next < users.length) {
      const at = next;
      next += 1;
      values[at] = await each(users[at]!);
    }
  });
  await Promise.all(workers);
  return values;
}

/** The admin address of the rig's control plane, until the test ends. */
async function adminOf(t: Test, rig: Rig): Promise<string> {
  const servers = await openServers(rig.plane, pino({ level: 'silent' }));
  if ('closed' in servers) throw new Error(servers.closed);
  t.teardown(() => servers.close());
  return `http://127.0.0.1:${servers.admin.address.port}`;
}

t.test(
  'a share of users grows, keeps whom it has, agrees with OFREP and the command line for each of them, and ends',
  async (t) => {
    const rig = await start(t);
    const sockets = await open(t, rig);
    const users = Array.from({ length: USERS }, (_, index) => `user-${index}`);
    const admin = await adminOf(t, rig);
    const applications = new Pool(admin, { connections: CONNECTIONS });
    t.teardown(() => applications.destroy());
    const byOfrep = async (targetingKey: string): Promise<unknown> => {
      const { body } = await applications.request({
        method: 'POST',
        path: `/ofrep/v1/evaluate/flags/${FLAG}`,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ context: { targetingKey } }),
      });
      return ((await body.json()) as { value: unknown }).value;
    };
    const byCommand = async (user: string): Promise<unknown> => {
      const { out } = await tidegateHere(['flag', 'explain', FLAG, '--key', user, '--json', '--admin', admin]);
      return JSON.parse(out).value;
    };
    let before: ReadonlySet<string> = new Set();
    for (const percent of [5, 25, 50, 0]) {
      await rig.plane.flags.set(FLAG, { value: percent }, BY_TEST);
      const told = await askAll(sockets, users);
      t.equal(told.size, USERS, 'everybody was answered');
      const treated = new Set(users.filter((user) => told.get(user) === `${FLAG}=?1`));
      const others = users.filter((user) => told.get(user) === `${FLAG}=?0`);
      t.equal(treated.size + others.length, USERS);
      const sigma = Math.sqrt(USERS * (percent / 100) * (1 - percent / 100));
      t.ok(Math.abs(treated.size - (USERS * percent) / 100) <= 4 * sigma, `${treated.size} users at ${percent}%`);
      if (percent > 0)
        t.ok(
          [...before].every((user) => treated.has(user)),
          'whoever was in stays in',
        );
      const differ = users.filter((key) => {
        const context = new PlainContext({ targetingKey: key });
        const explained = rig.plane.flags.explain(FLAG, context);
        const { value } = rig.plane.flags.evaluate(FLAG, context);
        return value !== treated.has(key) || !('value' in explained) || explained.value !== value;
      });
      t.strictSame(differ, [], 'the header is what is answered and explained');
      // To ask all of them over the wire, and by a command each, takes its time: once.
      const askers = percent === 25 ? { OFREP: byOfrep, 'the command line': byCommand } : {};
      for (const [title, ask] of Object.entries(askers)) {
        const values = await forAll(users, ask);
        t.strictSame(
          users.filter((user, at) => values[at] !== treated.has(user)),
          [],
          `the header is what ${title} says`,
        );
      }
      before = treated;
    }
    const entry = rig.plane.metrics().flagTraffic!.series.find(({ variant }) => variant === 'on')!;
    const cells = new Float64Array(entry.board);
    const rows = [cells.subarray(0, cells.length / 2), cells.subarray(cells.length / 2)];
    for (const [thread, row] of rows.entries()) t.ok(row[1]! > 0, `thread ${thread} has served some of them`);
  },
);

t.test('under load, no request that starts after a kill is answered is treated', async (t) => {
  const rig = await start(t);
  const sockets = await open(t, rig);
  await rig.plane.flags.set(FLAG, { value: 100 }, BY_TEST);
  let isKilled = false;
  let isOver = false;
  let treatedBefore = 0;
  let treatedAfter = 0;
  let untreatedAfter = 0;
  let lastTreatedAt = 0;
  const beganAt = performance.now();
  const load = sockets.map(async (socket, at) => {
    for (let round = 0; !isOver; round += 1) {
      const startsAfter = isKilled;
      const told = new Map<string, string>();
      // What is sent in one write starts together.
      const users = Array.from({ length: 8 }, (_, index) => `user-${at}-${round}-${index}`);
      await ask(socket, users, told);
      for (const flags of told.values()) {
        const isTreated = flags === `${FLAG}=?1`;
        if (isTreated) lastTreatedAt = performance.now();
        if (!startsAfter) treatedBefore += isTreated ? 1 : 0;
        else if (isTreated) treatedAfter += 1;
        else untreatedAfter += 1;
      }
      if (untreatedAfter + treatedAfter > 1000) isOver = true;
    }
  });
  await until('the load is there', () => treatedBefore >= 5000);
  const calledAt = performance.now();
  const perSecond = Math.round((treatedBefore / (calledAt - beganAt)) * 1000);
  const receipt = await rig.plane.flags.kill(FLAG, BY_TEST);
  isKilled = true;
  const answeredAt = performance.now();
  await Promise.all(load);
  t.match(receipt, { how: 'kill' });
  t.equal(treatedAfter, 0);
  t.ok(untreatedAfter >= 1000);
  const lastMs = Math.max(0, lastTreatedAt - calledAt).toFixed(1);
  t.comment(
    `at ${perSecond} requests a second, answered after ${(answeredAt - calledAt).toFixed(1)} ms; the last treated answer came ${lastMs} ms after the call`,
  );
});
