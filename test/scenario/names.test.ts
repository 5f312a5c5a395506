/**
 * Endpoints by name, against a DNS server that answers as each test says: what comes, goes, fails and stays.
 */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { ControlPlane } from '../../src/control/control-plane.ts';
import type { TidegateEvent } from '../../src/control/operations.ts';
import { DnsServer } from './stage/dns-server.ts';
import { exchange } from './stage/exchange.ts';
import { temporaryDirectory } from './stage/tidegate.ts';
import { until } from './stage/until.ts';

const NAME = 'shop.internal';

// Each has a server and a plane of its own, and mostly waits for the second that an answer is good for.
t.jobs = 4;

/** Servers on one port of several loopback addresses; each answers with its address. */
async function farm(
  t: Test,
  addresses: readonly string[],
): Promise<{ port: number; close: (address: string) => Promise<void> }> {
  for (let tries = 0; tries < 20; tries++) {
    const servers = new Map<string, Server>();
    let port = 0;
    try {
      for (const address of addresses) {
        const server = createServer((_req, res) => res.end(address));
        server.listen({ host: address, port });
        await once(server, 'listening');
        servers.set(address, server);
        port = (server.address() as AddressInfo).port;
      }
    } catch {
      // The port is taken on one of the addresses: another is tried.
      for (const server of servers.values()) server.close();
      continue;
    }
    const close = async (address: string): Promise<void> => {
      const server = servers.get(address)!;
      if (!server.listening) return;
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    };
    t.teardown(() => Promise.all(addresses.map(close)));
    return { port, close };
  }
  throw new Error('no port is free on all addresses');
}

interface Stage {
  readonly plane: ControlPlane;
  readonly file: string;
  readonly events: TidegateEvent[];
  readonly text: (endpoints: string, more?: string) => string;
  /** Which addresses have answered, of so many requests. */
  readonly answers: (requests?: number) => Promise<string[]>;
  readonly status: () => Promise<number>;
  readonly endpoints: () => string[];
}

/** No look fails for want of time, unless a test wants that: then it gives a `timeout` of its own. */
async function stage(t: Test, dns: DnsServer, endpoints: string, more = '', timeout = '2s'): Promise<Stage> {
  const directory = await temporaryDirectory(t);
  const file = join(directory, 'tidegate.yaml');
  const text = (named: string, further = more): string =>
    [
      'listeners: [{ name: web, address: "127.0.0.1:0" }]',
      'workers: 2',
      'overload: off',
      `state: ${join(directory, 'state.db')}`,
      'log: { level: fatal }',
      `dns: { servers: ["${dns.address}"], timeout: ${timeout} }`,
      'services:',
      '  shop:',
      `    pools: { only: { version: v1, endpoints: [${named}] } }`,
      '    balance: round-robin',
      further === '' ? '' : `    ${further}`,
      'routes: [{ service: shop }]',
      '',
    ].join('\n');
  await writeFile(file, text(endpoints));
  const plane = await ControlPlane.start({ file, env: {}, log: pino({ level: 'silent' }), accessLog: () => {} });
  if ('failed' in plane) throw new Error(plane.lines.join('\n'));
  t.teardown(() => plane.terminate());
  const events: TidegateEvent[] = [];
  plane.onEvent((event) => events.push(event));
  const port = Number(plane.listeners()[0]!.address.split(':').at(-1));
  const answers = async (requests = 12): Promise<string[]> => {
    const seen = new Set<string>();
    for (let count = 0; count < requests; count++) {
      const { status, body } = await exchange(port, '/');
      seen.add(status === 200 ? body : String(status));
    }
    return [...seen].sort();
  };
  return {
    plane,
    file,
    events,
    text,
    answers,
    status: async () => (await exchange(port, '/')).status,
    endpoints: () => plane.services()[0]!.pools[0]!.endpoints.map(({ address }) => address),
  };
}

const named = (port: number, resolve = '1s'): string => `{ address: "${NAME}:${port}", resolve: ${resolve} }`;

t.test('all addresses of a name are endpoints, and an answer that changes changes them', async (t) => {
  const dns = await DnsServer.open(t);
  const { port } = await farm(t, ['127.0.0.2', '127.0.0.3', '127.0.0.4']);
  dns.names.set(NAME, { addresses: ['127.0.0.3', '127.0.0.2'], ttlS: 60 });
  const { plane, answers, endpoints, events } = await stage(t, dns, named(port));
  const of = (address: string): string => `${NAME}:${port}/${address}`;
  t.same(endpoints(), [of('127.0.0.2'), of('127.0.0.3')], 'known before the first request');
  t.same(await answers(), ['127.0.0.2', '127.0.0.3']);
  const { generation } = plane.metrics();

  dns.names.set(NAME, { addresses: ['127.0.0.2', '127.0.0.3'], ttlS: 60 });
  const asked = dns.askedFor(NAME);
  await until('it is asked again', () => dns.askedFor(NAME) > asked + 1);
  t.equal(plane.metrics().generation, generation, 'the order of an answer means nothing');

  dns.names.set(NAME, { addresses: ['127.0.0.3', '127.0.0.4'], ttlS: 60 });
  await until('the change is in effect', () => endpoints().includes(of('127.0.0.4')));
  t.same(endpoints(), [of('127.0.0.3'), of('127.0.0.4')]);
  t.same(await answers(), ['127.0.0.3', '127.0.0.4']);
  t.ok(plane.metrics().generation > generation, 'by a snapshot');
  t.match(events.find(({ kind }) => kind === 'names')?.text, `shop.only: endpoint ${of('127.0.0.2')} removed`);
  const [figures] = plane.metrics().names;
  t.match(figures, { name: NAME, addresses: 2 });
  t.ok(figures!.looks.changed >= 2 && figures!.looks.same >= 1);
});

t.test(
  'the last good answer is kept, whatever else comes: no such name, an empty answer, a fault, silence',
  async (t) => {
    const dns = await DnsServer.open(t);
    const { port } = await farm(t, ['127.0.0.2', '127.0.0.3']);
    dns.names.set(NAME, { addresses: ['127.0.0.2', '127.0.0.3'], ttlS: 1 });
    const { plane, answers, events } = await stage(t, dns, named(port), '', '1s');
    const { generation } = plane.metrics();
    for (const script of ['no-such-name', { addresses: [], ttlS: 60 }, 'failure', 'silence'] as const) {
      const { looks } = plane.metrics().names[0]!;
      const before = looks.none + looks.failed;
      dns.names.set(NAME, script);
      await until('the answer has come to nothing', () => {
        const now = plane.metrics().names[0]!.looks;
        return now.none + now.failed > before;
      });
      t.same(await answers(), ['127.0.0.2', '127.0.0.3'], JSON.stringify(script));
      dns.names.set(NAME, { addresses: ['127.0.0.2', '127.0.0.3'], ttlS: 1 });
      const { same } = plane.metrics().names[0]!.looks;
      await until('it is found again', () => plane.metrics().names[0]!.looks.same > same);
    }
    t.equal(plane.metrics().generation, generation, 'nothing has been changed for it');
    const lost = events.filter(({ kind }) => kind === 'names').map(({ text }) => text);
    t.equal(lost.length, 4, 'each time is said once');
    for (const text of lost) t.match(text, /^shop\.internal is not found \(\w+\): the last 2 known are kept$/);
  },
);

t.test('a name that is not found at the start is no reason not to start: it is served as soon as it is', async (t) => {
  const dns = await DnsServer.open(t);
  const { port } = await farm(t, ['127.0.0.2']);
  const { status, answers, endpoints } = await stage(t, dns, named(port));
  t.same(endpoints(), []);
  t.equal(await status(), 503);
  dns.names.set(NAME, { addresses: ['127.0.0.2'], ttlS: 60 });
  await until('it is found', () => endpoints().length === 1);
  t.same(await answers(), ['127.0.0.2']);
});

t.test('a server that says nothing delays a start by little', async (t) => {
  const dns = await DnsServer.open(t);
  dns.names.set(NAME, 'silence');
  const { status, events } = await stage(t, dns, named(9), '', '200ms');
  t.same(events, [], 'nothing has happened since');
  t.equal(await status(), 503);
});

t.test('one family that fails keeps its addresses, and the other goes on', async (t) => {
  const dns = await DnsServer.open(t);
  const { port } = await farm(t, ['127.0.0.2', '127.0.0.3', '::1']);
  dns.names.set(NAME, { addresses: ['127.0.0.2', '::1'], ttlS: 1 });
  const { answers, endpoints } = await stage(t, dns, named(port));
  t.same(await answers(), ['127.0.0.2', '::1']);
  t.ok(endpoints().includes(`${NAME}:${port}/::1`));
  dns.v6.set(NAME, 'failure');
  dns.names.set(NAME, { addresses: ['127.0.0.3'], ttlS: 1 });
  await until('the change is in effect', () => endpoints().includes(`${NAME}:${port}/127.0.0.3`));
  t.same(await answers(), ['127.0.0.3', '::1']);
});

t.test('a name is looked up at once when its endpoint cannot be reached', async (t) => {
  const dns = await DnsServer.open(t);
  const { port, close } = await farm(t, ['127.0.0.2', '127.0.0.3']);
  dns.names.set(NAME, { addresses: ['127.0.0.2'], ttlS: 3600 });
  const { status, answers, endpoints } = await stage(t, dns, named(port, '1h'));
  t.equal(await status(), 200);
  dns.names.set(NAME, { addresses: ['127.0.0.3'], ttlS: 3600 });
  await close('127.0.0.2');
  const fromMs = performance.now();
  t.not(await status(), 200, 'a failure is the reason to look');
  await until('it is looked up', () => endpoints().join().endsWith('/127.0.0.3'));
  t.same(await answers(), ['127.0.0.3']);
  const seconds = (performance.now() - fromMs) / 1000;
  t.ok(dns.askedFor(NAME) <= 2 + Math.ceil(seconds), 'and no more than once a second');
});

t.test('a time to live that is shorter than the interval is kept to', async (t) => {
  const dns = await DnsServer.open(t);
  dns.names.set(NAME, { addresses: ['127.0.0.2'], ttlS: 1 });
  await stage(t, dns, named(9, '1h'));
  t.ok(await until('it is asked again', () => dns.askedFor(NAME) >= 2));
});

t.test('a reload brings names and takes them away; what is known of a name stays', async (t) => {
  const dns = await DnsServer.open(t);
  const { port } = await farm(t, ['127.0.0.2', '127.0.0.3']);
  dns.names.set(NAME, { addresses: ['127.0.0.2'], ttlS: 60 });
  dns.names.set('other.internal', { addresses: ['127.0.0.3'], ttlS: 60 });
  const { plane, file, text, answers, endpoints } = await stage(t, dns, named(port, '1h'));
  const reload = async (endpoints: string, more = ''): Promise<void> => {
    await writeFile(file, text(endpoints, more));
    t.match(await plane.reload({ by: 'test', reason: '', ifEpoch: null }), { result: 'applied' });
  };
  await reload(`${named(port, '1h')}, "other.internal:${port}"`);
  t.same(await answers(), ['127.0.0.2', '127.0.0.3'], 'a new name is known when the reload is answered');
  t.equal(dns.askedFor(NAME), 1, 'the other has not been asked for again');
  await reload(`"other.internal:${port}"`);
  t.same(await answers(), ['127.0.0.3']);
  t.same(
    plane.metrics().names.map(({ name }) => name),
    ['other.internal'],
  );
  await reload(`"other.internal:${port}"`, 'drain: 7s');
  t.same(endpoints(), [`other.internal:${port}/127.0.0.3`]);
});

t.test('a change of names loses no request that is under way', async (t) => {
  const dns = await DnsServer.open(t);
  const { port } = await farm(t, ['127.0.0.2', '127.0.0.3']);
  dns.names.set(NAME, { addresses: ['127.0.0.2'], ttlS: 1 });
  const { status, endpoints } = await stage(t, dns, named(port));
  const statuses = new Map<number, number>();
  let going = true;
  const clients = Array.from({ length: 4 }, async () => {
    while (going) {
      const got = await status();
      statuses.set(got, (statuses.get(got) ?? 0) + 1);
    }
  });
  const asked = () => [...statuses.values()].reduce((sum, count) => sum + count, 0);
  for (const address of ['127.0.0.3', '127.0.0.2', '127.0.0.3']) {
    const before = asked();
    dns.names.set(NAME, { addresses: [address], ttlS: 1 });
    await until('the change is in effect', () => endpoints().join().endsWith(`/${address}`));
    await until('requests have come before and after it', () => asked() >= before + 20);
  }
  going = false;
  await Promise.all(clients);
  t.same([...statuses.keys()], [200]);
  t.ok(statuses.get(200)! > 50);
});

t.test('localhost is this machine and one endpoint, whatever DNS says', async (t) => {
  const dns = await DnsServer.open(t);
  const { port } = await farm(t, ['127.0.0.1']);
  dns.names.set('localhost', { addresses: ['127.0.0.9'], ttlS: 60 });
  const { answers, endpoints } = await stage(t, dns, `"localhost:${port}"`);
  t.same(endpoints(), [`localhost:${port}`]);
  t.same(await answers(), ['127.0.0.1']);
  t.equal(dns.askedFor('localhost'), 0);
});

t.test('with resolve off a name is one endpoint and no server is asked', async (t) => {
  const dns = await DnsServer.open(t);
  dns.names.set(NAME, { addresses: ['127.0.0.2'], ttlS: 60 });
  const { endpoints } = await stage(t, dns, `{ address: "${NAME}:9", resolve: off }`);
  t.same(endpoints(), [`${NAME}:9`]);
  t.equal(dns.askedFor(NAME), 0);
});

t.test('an ejected address that an answer leaves out and the next one has again is still ejected', async (t) => {
  const dns = await DnsServer.open(t);
  const { port, close } = await farm(t, ['127.0.0.2', '127.0.0.3']);
  const both = { addresses: ['127.0.0.2', '127.0.0.3'], ttlS: 1 };
  dns.names.set(NAME, both);
  const rule = 'ejection: { consecutiveFailures: 1, base: 1h, max: 1h }';
  const { plane, answers, endpoints } = await stage(t, dns, named(port), rule);
  await close('127.0.0.3');
  const ejected = () => plane.services()[0]!.pools[0]!.endpoints.find(({ ejection }) => ejection !== null);
  const before = await until('it is ejected', async () => {
    await answers(4);
    return ejected() ?? null;
  });
  dns.names.set(NAME, { addresses: ['127.0.0.2'], ttlS: 1 });
  await until('it is gone', () => endpoints().length === 1);
  dns.names.set(NAME, both);
  await until('it is back', () => endpoints().length === 2);
  t.match(ejected(), { address: before.address, ejection: { state: 'shut', row: 1 } });
  t.same(await answers(), ['127.0.0.2']);
});

t.test('an address that two names bring into two pools is spoken of, once', async (t) => {
  const dns = await DnsServer.open(t);
  const { port } = await farm(t, ['127.0.0.2', '127.0.0.3']);
  dns.names.set(NAME, { addresses: ['127.0.0.2'], ttlS: 1 });
  dns.names.set('other.internal', { addresses: ['127.0.0.3'], ttlS: 1 });
  const { plane, events, file, text } = await stage(t, dns, named(port));
  const other = `other: { version: v2, endpoints: ["other.internal:${port}"] }`;
  const two = text(named(port)).replace('] } }', `] }, ${other} }\n    traffic: only`);
  await writeFile(file, two);
  t.match(await plane.reload({ by: 'anna', reason: '', ifEpoch: null }), { result: 'applied' });
  const spoken = () => events.filter(({ text }) => text.includes('nobody can tell')).map(({ text }) => text);
  t.same(spoken(), []);
  dns.names.set('other.internal', { addresses: ['127.0.0.2', '127.0.0.3'], ttlS: 1 });
  await until('it is seen', () => spoken().length > 0);
  dns.names.set('other.internal', { addresses: ['127.0.0.2', '127.0.0.4'], ttlS: 1 });
  await until('another answer is seen', () => JSON.stringify(plane.services()).includes('127.0.0.4'));
  t.match(spoken(), [
    `shop: 127.0.0.2:${port} is in pool only (${NAME}:${port}/127.0.0.2) and in pool other (other.internal:${port}/127.0.0.2)`,
  ]);
  t.equal(spoken().length, 1);
});
