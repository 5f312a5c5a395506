/**
 * What a client sends stays a value: it becomes no metric label, no line of a log, no key of a file, no path and no SQL,
 * and no name that every object has reaches anything. Each hostile text is put in every place that a client can write to.
 */
import { readdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import t, { type Test } from 'tap';
import { exchange } from './stage/exchange.ts';
import { shopConfig } from './stage/shop.ts';
import { startTidegate, Tidegate } from './stage/tidegate.ts';
import { Upstream } from './stage/upstream.ts';

/** Every text has the mark in it, by which its traces are found. */
const MARK = 'hostile7';
const TEXTS = [
  `${MARK}"} 1\ntidegate_forged{x="`,
  `${MARK}\r\n{"level":30,"audit":"forged"}`,
  `${MARK}\u001b[2J\u009b2J\u2028`,
  `${MARK}'; DROP TABLE events; DELETE FROM positions; --`,
  `../../${MARK}/../../etc/passwd`,
  `${MARK}\0.db`,
  `${MARK}: { a: &x b }\n? *x`,
  `\${HOME}${MARK}%s%n`,
];
const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'];

/** The text as it can stand in a header field or in a cookie: what no grammar lets pass is taken out. */
const inField = (text: string): string => text.replace(/[^\x20-\x7e]/g, '').trim();

async function start(t: Test): Promise<{ readonly tidegate: Tidegate; readonly text: string }> {
  const upstream = await Upstream.start(t, 'v1');
  const text = shopConfig({
    pools: {
      blue: { version: 'v1', endpoints: [upstream.address] },
      green: { version: 'v2', endpoints: ['127.0.0.1:9'] },
    },
    traffic: 'blue',
    top: ['log: { level: info, access: all }'],
    service: [
      'sticky: { cookie: tg }',
      'balance: hash',
      'hashOn: { header: x-user }',
      'preview: { header: x-pool, token: secret }',
    ],
    routes: [
      '{ name: keyed, path: /keyed, service: shop, rateLimit: { requests: 1000, header: x-key, keys: 64 } }',
      '{ name: cookie, path: /cookie, service: shop, rateLimit: { requests: 1000, cookie: key, keys: 64 } }',
      '{ name: exact, path: /exact, service: shop, headers: { x-tenant: acme }, query: { q: one } }',
    ],
  });
  return { tidegate: await startTidegate(t, text), text };
}

/** Puts the text in every place of requests that a client can write to; gives the statuses. */
async function attack({ ports }: Tidegate, text: string): Promise<number[]> {
  const port = ports.get('web')!;
  const field = inField(text);
  const encoded = encodeURIComponent(text).replaceAll('%00', '');
  const requests: readonly (readonly [string, Record<string, string>, string?])[] = [
    [`/${encoded}?${encoded}=${encoded}`, {}],
    [`/exact?q=${encoded}&${encoded}`, { 'x-tenant': field }],
    ['/keyed', { 'x-key': field, 'x-user': field, cookie: `tg=${field}` }],
    ['/cookie', { cookie: `key=${field}; ${field}=1`, 'x-pool': `blue; token=${field}` }],
    [
      '/',
      { 'x-request-id': field, traceparent: field, 'x-forwarded-for': field, forwarded: field, authorization: field },
    ],
    ['/', { host: field }],
    ['/', { 'x-pool': field }],
  ];
  const statuses: number[] = [];
  for (const [path, headers] of requests) statuses.push((await exchange(port, path, { headers })).status);
  const method = inField(text).replace(/[^A-Za-z_]/g, '');
  statuses.push(
    (await exchange(port, '/', { method: 'PUT', headers: { 'x-http-method': method }, body: text })).status,
  );
  return statuses;
}

/** The samples of /metrics without their values. */
async function seriesOf({ admin }: Tidegate): Promise<string[]> {
  const { body } = await exchange(admin.port, '/metrics');
  return body.split('\n').map((line) => line.replace(/ [^ ]*$/, ''));
}

async function filesOf({ file }: Tidegate): Promise<string[]> {
  return (await readdir(dirname(file), { recursive: true }))
    .filter((name) => !/-(?:wal|shm|journal)$/.test(name))
    .sort();
}

t.test('what a client sends becomes no metric label, no forged line, no key and no path', async (t) => {
  const { tidegate, text } = await start(t);
  await attack(tidegate, 'plain');
  const [series, files] = [await seriesOf(tidegate), await filesOf(tidegate)];
  for (const hostile of [...TEXTS, ...NAMES]) {
    for (const status of await attack(tidegate, hostile)) {
      t.ok([200, 400, 403, 404].includes(status), `${encodeURIComponent(hostile)} is answered with ${status}`);
    }
  }
  await tidegate.line('the last request is in the log', ({ method, path }) => method === 'PUT' && path === '/');
  t.strictSame(await seriesOf(tidegate), series, 'the series are what they were');
  t.strictSame(await filesOf(tidegate), files, 'the files are what they were');
  t.equal(await readFile(tidegate.file, 'utf8'), text, 'the config is what it was');
  t.notOk(
    tidegate.lines.some((line) => 'audit' in line),
    'no line is forged',
  );
  t.ok(
    tidegate.lines.every((line) => 'level' in line),
    'every line of the log is one record',
  );
});

t.test(
  'what a caller of the admin API writes is a value in log and store, to the letter and after a restart',
  async (t) => {
    const { tidegate } = await start(t);
    const { admin } = tidegate;
    const reasons: string[] = [];
    for (const [turn, text] of TEXTS.entries()) {
      const headers = { 'x-tidegate-by': inField(text) };
      const to = turn % 2 === 0 ? 'green' : 'blue';
      const body = { to, verify: false, reason: text };
      const answer = await admin.call<{ note: string; by: string }>('POST', '/api/services/shop/flip', body, headers);
      t.equal(answer.status, 200);
      t.notMatch(answer.body.note, /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u, 'what cannot be printed is taken out');
      reasons.push(answer.body.note);
    }
    for (const name of [...TEXTS, ...NAMES]) {
      const encoded = encodeURIComponent(name);
      for (const [method, path, body] of [
        ['GET', `/api/services/${encoded}`, undefined],
        ['PUT', `/api/services/${encoded}/traffic`, { blue: 1 }],
        ['PUT', '/api/services/shop/traffic', JSON.parse(`{${JSON.stringify(name)}: 1, "blue": 1}`)],
        ['POST', '/api/services/shop/flip', { to: name }],
        ['POST', '/api/services/shop/flip', JSON.parse(`{${JSON.stringify(name)}: 1}`)],
        ['GET', `/api/receipts/1?service=${encoded}`, undefined],
        ['GET', `/api/receipts/${encoded}?service=shop`, undefined],
        ['GET', `/api/events?since=${encoded}`, undefined],
        ['POST', '/api/config/reload', JSON.parse(`{${JSON.stringify(name)}: {"polluted": 1}}`)],
      ] as const) {
        const { status } = await admin.call(method, path, body);
        t.ok(status >= 400 && status < 500, `${method} ${path} is answered with ${status}`);
      }
    }
    const notes = async (one: Tidegate): Promise<unknown[]> => {
      const all = (await one.admin.events('traffic')).map(({ data }) => (data as { note?: string }).note);
      return all.filter((note) => note?.includes(MARK));
    };
    t.strictSame(await notes(tidegate), reasons, 'events have the reasons to the letter');
    t.notOk(tidegate.lines.some((line) => line.audit === 'forged'));
    const position = await admin.service();

    await tidegate.kill();
    const again = await Tidegate.start(t, tidegate.file);
    t.equal((await again.admin.service()).epoch, position.epoch, 'the position is what it was');
    t.strictSame(await notes(again), reasons, 'so are the reasons');
  },
);
