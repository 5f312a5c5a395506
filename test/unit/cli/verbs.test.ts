/** Each verb as a real process against a scripted admin API: what it sends, what it prints, how it exits. */

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import {
  endpoint,
  idlePool,
  json,
  pool,
  receipt,
  type Script,
  scriptedAdmin,
  service,
  start,
  tidegate,
} from './tidegate.ts';

type Test = Pick<typeof t, 'teardown'>;

async function admin(t: Test, script: Script) {
  const api = await scriptedAdmin(script);
  t.teardown(() => api.close());
  return api;
}

/** An address of this machine where nothing listens. */
async function deadAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}`;
}

const FLIPPED = 'shop: blue 100→0%, green 0→100% at epoch 7 in 0.4 ms; 12 requests in flight on the earlier position\n';

t.test('flip sends what was asked with the token, and prints the receipt', async (t) => {
  const api = await admin(t, (_, res) => json(res, receipt()));
  const words = ['flip', 'shop', '--to', 'green', '--no-verify', '--reason', 'größer\n日本', '--if-epoch', '6'];
  const { code, out, err } = await tidegate([...words, '--admin', api.url, '--token', 'hunter2']);
  t.same([code, out, err], [0, FLIPPED, '']);
  const seen = api.seen[0]!;
  t.equal(`${seen.method} ${seen.url}`, 'POST /api/services/shop/flip');
  t.same(JSON.parse(seen.body), { to: 'green', verify: false });
  t.equal(seen.headers['content-type'], 'application/json');
  t.equal(seen.headers.authorization, 'Bearer hunter2');
  t.equal(seen.headers['if-match'], '"6"');
  t.match(seen.headers['x-tidegate-by'], /^cli(:.+)?$/);
  t.equal(Buffer.from(String(seen.headers['x-tidegate-reason']), 'latin1').toString('utf8'), 'größer 日本');
});

t.test('flip without options lets the API choose the pool and verify it, and names no condition', async (t) => {
  const api = await admin(t, (_, res) => json(res, receipt()));
  t.equal((await tidegate(['flip', 'shop'], { TIDEGATE_ADMIN: api.url })).code, 0);
  const { headers, body } = api.seen[0]!;
  t.same(JSON.parse(body), { verify: true });
  t.same(
    ['authorization', 'if-match', 'x-tidegate-reason'].map((name) => headers[name]),
    [undefined, undefined, undefined],
  );
});

t.test('traffic sends the weights; the environment gives the address and the token', async (t) => {
  const api = await admin(t, (_, res) => json(res, receipt({ to: { blue: 90, green: 10 }, inFlight: 0 })));
  const env = { TIDEGATE_ADMIN: api.url, TIDEGATE_TOKEN: 'hunter2' };
  const { code, out } = await tidegate(['traffic', 'a/b c', 'blue=90', 'green=10%'], env);
  t.equal(code, 0);
  t.equal(out, 'shop: blue 100→90%, green 0→10% at epoch 7 in 0.4 ms; nothing in flight on the earlier position\n');
  const seen = api.seen[0]!;
  t.equal(`${seen.method} ${seen.url}`, 'PUT /api/services/a%2Fb%20c/traffic');
  t.equal(seen.body, '{"blue":90,"green":10}');
  t.equal(seen.headers.authorization, 'Bearer hunter2');
});

t.test('rollback --wait reads the receipt until the earlier position has drained', async (t) => {
  let reads = 0;
  const api = await admin(t, ({ method }, res) => {
    if (method === 'GET') reads += 1;
    json(res, receipt(reads < 2 ? {} : { drained: '2026-01-31T12:00:01.200Z' }));
  });
  const { code, out } = await tidegate(['rollback', 'shop', '--wait', '--admin', api.url]);
  t.equal(code, 0);
  t.equal(out, `${FLIPPED}drained in 1.2 s, 0 lost\n`);
  t.same(
    api.seen.map((one) => `${one.method} ${one.url}`),
    ['POST /api/services/shop/rollback', 'GET /api/receipts/7?service=shop', 'GET /api/receipts/7?service=shop'],
  );
});

t.test('--wait --json prints one document, the final receipt', async (t) => {
  const drained = receipt({ drained: '2026-01-31T12:00:01.200Z' });
  const api = await admin(t, ({ method }, res) => json(res, method === 'GET' ? drained : receipt()));
  const { out } = await tidegate(['flip', 'shop', '--wait', '--json', '--admin', api.url]);
  t.same(JSON.parse(out), drained);
});

t.test('Ctrl-C during --wait says how far the drain has come and exits with 0: the change was made', async (t) => {
  const api = await admin(t, (_, res) => json(res, receipt({ lost: 1 })));
  const child = start(['flip', 'shop', '--wait', '--admin', api.url]);
  await child.until(/earlier position\n/);
  child.kill('SIGINT');
  const { code, out } = await child.done;
  t.same([code, out], [0, `${FLIPPED}not drained yet, 1 lost so far\n`]);
});

t.test('when Tidegate goes away during --wait, the message says that the change was made', async (t) => {
  const api = await admin(t, ({ method }, res) => (method === 'GET' ? res.destroy() : json(res, receipt())));
  const { code, err } = await tidegate(['flip', 'shop', '--wait', '--admin', api.url]);
  t.equal(code, 3);
  t.match(err, 'the change was made at epoch 7, but its drain could not be followed');
});

t.test('receipt prints the whole account; --json prints what the API gave', async (t) => {
  const answer = receipt({ drained: '2026-01-31T12:00:01.200Z', note: 'release 2.0', by: 'api', reason: 'traffic' });
  const api = await admin(t, (_, res) => json(res, answer));
  const text = await tidegate(['receipt', 'shop', '7', '--admin', api.url]);
  t.equal(text.code, 0);
  t.equal(text.out, `${FLIPPED}  2026-01-31 12:00:00Z, traffic by api: release 2.0\n  drained in 1.2 s, 0 lost\n`);
  t.equal(api.seen[0]!.url, '/api/receipts/7?service=shop');
  t.same(JSON.parse((await tidegate(['receipt', 'shop', '7', '--json', '--admin', api.url])).out), answer);
});

t.test('a plain locale gets a receipt in ASCII', async (t) => {
  const api = await admin(t, (_, res) => json(res, receipt()));
  const { out } = await tidegate(['flip', 'shop', '--admin', api.url], { LANG: 'C' });
  t.match(out, /^shop: blue 100->0%, green 0->100% at epoch 7/);
});

t.test('a refusal exits with 1 and says why; with --json it is the error of the API', async (t) => {
  const error = {
    code: 'no-healthy-endpoint',
    message: 'green has no healthy\x1b[2J endpoint',
    details: { pool: 'green' },
  };
  const api = await admin(t, (_, res) => json(res, { error }, 409));
  const text = await tidegate(['flip', 'shop', '--admin', api.url]);
  t.same([text.code, text.out], [1, '']);
  t.equal(text.err, 'tidegate: refused: green has no healthy[2J endpoint\n');
  const inJson = await tidegate(['flip', 'shop', '--json', '--admin', api.url]);
  t.same([inJson.code, inJson.err], [1, '']);
  t.same(JSON.parse(inJson.out), { error: { ...error, message: 'green has no healthy[2J endpoint' } });
});

t.test('a message of the server that repeats the token is printed without it', async (t) => {
  const error = { code: 'unauthorized', message: 'hunter2 is not the token', details: null };
  const api = await admin(t, (_, res) => json(res, { error }, 401));
  const { code, out, err } = await tidegate(['rollback', 'shop', '--admin', api.url, '--token', 'hunter2']);
  t.equal(code, 1);
  t.equal(out + err, 'tidegate: refused: *** is not the token\n');
});

t.test('where nothing listens every verb that asks exits with 3 and says where it looked', async (t) => {
  const url = await deadAddress();
  const calls = [
    ['status'],
    ['traffic', 'shop', 'blue=1'],
    ['flip', 'shop'],
    ['rollback', 'shop'],
    ['receipt', 'shop', '7'],
    ['reload'],
    ['events'],
  ];
  for (const words of calls) {
    const { code, out, err } = await tidegate([...words, '--admin', url, '--token', 'hunter2']);
    t.equal(code, 3, words.join(' '));
    t.equal(out, '');
    t.equal(
      err,
      `tidegate: nothing listens at ${url} (is Tidegate running?). Another address is set by --admin URL or TIDEGATE_ADMIN.\n`,
    );
  }
  const inJson = await tidegate(['status', '--json', '--admin', url]);
  t.equal(inJson.code, 3);
  t.equal(JSON.parse(inJson.out).error.code, 'unreachable');
});

t.test('a connection that breaks during a change leaves it open whether it was made, and says so', async (t) => {
  const api = await admin(t, (_, res) => res.destroy());
  const { code, err } = await tidegate(['flip', 'shop', '--admin', api.url]);
  t.equal(code, 3);
  t.match(err, 'whether the change was made is not known, `tidegate status` shows it');
  t.equal(api.seen.length, 1, 'and it is not sent again');
});

t.test('answers that are not those of a Tidegate exit with 3 and one sentence', async (t) => {
  const garbage: readonly (readonly [string, Script])[] = [
    ['HTML', (_, res) => res.writeHead(200, { 'content-type': 'text/html' }).end('<html>hello</html>')],
    ['HTML as an error', (_, res) => res.writeHead(502, { 'content-type': 'text/html' }).end('<html>bad</html>')],
    ['nothing', (_, res) => res.end()],
    ['half of it', (_, res) => res.writeHead(200, { 'content-type': 'application/json' }).end('{"services":[{')],
    ['another shape', (_, res) => json(res, { services: [{ ...service(), pools: [{ name: 'blue' }] }] })],
    ['another error', (_, res) => json(res, { error: 'no' }, 404)],
    ['a redirect', (_, res) => res.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
  ];
  for (const [name, script] of garbage) {
    const api = await admin(t, script);
    const { code, out, err } = await tidegate(['status', '--admin', api.url, '--token', 'hunter2']);
    t.equal(code, 3, name);
    t.equal(out, '');
    t.match(
      err,
      /^tidegate: http:\/\/127\.0\.0\.1:\d+ answered \d{3} \(.*\), which is no answer of Tidegate's admin API\..*\n$/,
    );
    t.notMatch(err, 'hunter2');
  }
});

t.test('status prints the table, and exits with 1 when a pool with traffic has nowhere to send it', async (t) => {
  let services = [service()];
  const api = await admin(t, ({ url }, res) => json(res, url === '/api/services' ? { services } : services[0]));
  const healthy = await tidegate(['status', '--admin', api.url]);
  t.equal(healthy.code, 0);
  t.equal(
    healthy.out,
    `shop  epoch 7, rollback by cli:ann, 2026-01-31 12:00:00Z: green was slow
  POOL  VERSION STATE     SHARE              RPS  ERR  P50  P95  P99  INFL    UP
  blue  v1.0    serving    100% ██████████  1235   0%  1.2  4.5 1.3s    12   1/1
  green v2.0    idle         0%                0    -    -    -    -     0   1/1
`,
  );
  services = [service({ pools: [pool({ endpoints: [endpoint({ admitting: false })] }), idlePool()] })];
  const one = await tidegate(['status', 'shop', '--admin', api.url]);
  t.equal(one.code, 1);
  t.match(one.out, '! blue has traffic and no endpoint that admits it');
  t.equal(api.seen.at(-1)!.url, '/api/services/shop');
  const inJson = await tidegate(['status', '--json', '--admin', api.url]);
  t.equal(inJson.code, 1);
  t.same(JSON.parse(inJson.out), { services });
});

t.test('status colours only when it is told to, as its output is no terminal here', async (t) => {
  const api = await admin(t, (_, res) => json(res, { services: [service()] }));
  t.notMatch((await tidegate(['status', '--admin', api.url])).out, '\x1b');
  t.match((await tidegate(['status', '--admin', api.url], { FORCE_COLOR: '1' })).out, '\x1b[1mshop\x1b[0m');
});

t.test('status --watch that is not on a terminal prints table after table until SIGINT', async (t) => {
  let epoch = 0;
  const api = await admin(t, (_, res) => {
    epoch += 1;
    json(res, { services: [service({ epoch })] });
  });
  const child = start(['status', '--watch', '--admin', api.url]);
  await child.until(/epoch 2/);
  child.kill('SIGINT');
  const { code, out, err } = await child.done;
  t.same([code, err], [0, '']);
  t.notMatch(out, '\x1b');
  t.match(out, /epoch 1[\s\S]*\n\nshop {2}epoch 2/);
});

t.test('status --watch goes on while Tidegate is away, and its exit code is that of the last look', async (t) => {
  let asked = 0;
  const api = await admin(t, (_, res) => {
    asked += 1;
    if (asked === 1) json(res, { services: [service()] });
    else res.destroy();
  });
  const child = start(['status', '--watch', '--json', '--admin', api.url]);
  const out = await child.until(/unreachable/);
  child.kill('SIGTERM');
  t.equal((await child.done).code, 3);
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.same(lines[0], { services: [service()] });
  t.equal(lines[1].error.code, 'unreachable');
});

t.test('a reader that goes away ends a watch without a stack trace and without an error', async (t) => {
  const api = await admin(t, (_, res) => json(res, { services: [service()] }));
  const child = start(['status', '--watch', '--admin', api.url]);
  await child.until(/epoch 7/);
  child.closeOutput();
  const { code, err } = await child.done;
  t.same([code, err], [0, '']);
});

t.test('a reader that has gone before the first line does not change the exit code', async (t) => {
  const api = await admin(t, (_, res) => json(res, { services: [service()] }));
  const child = start(['status', '--json', '--admin', api.url]);
  child.closeOutput();
  const { code, err } = await child.done;
  t.same([code, err], [0, '']);
});

t.test('reload says what changed, and what is worth a warning', async (t) => {
  const warning = {
    file: 'tidegate.yaml',
    line: 3,
    column: 5,
    path: 'routes[1]',
    message: 'is never reached',
    severity: 'warning',
  };
  let answer: unknown = {
    result: 'applied',
    generation: 4,
    changes: ['shop: blue 100→0, green 0→100'],
    problems: [warning],
  };
  const api = await admin(t, (_, res) => json(res, answer));
  const applied = await tidegate(['reload', '--admin', api.url]);
  t.equal(applied.code, 0);
  t.equal(
    applied.out,
    'applied as generation 4\n  shop: blue 100→0, green 0→100\ntidegate.yaml:3:5: warning: routes[1]: is never reached\n',
  );
  t.equal(`${api.seen[0]!.method} ${api.seen[0]!.url} ${api.seen[0]!.body}`, 'POST /api/config/reload {}');
  answer = { result: 'unchanged', generation: 4, changes: [], problems: [] };
  t.equal((await tidegate(['reload', '--admin', api.url])).out, 'unchanged, generation 4\n');
});

t.test('reload of a bad file exits with 1 and lists the problems', async (t) => {
  const problem = {
    file: 'tidegate.yaml',
    line: 3,
    column: 5,
    path: 'servces',
    message: 'is no key',
    severity: 'error',
  };
  const error = { code: 'config-rejected', message: 'The file has 1 error, nothing was changed.', details: [problem] };
  const api = await admin(t, (_, res) => json(res, { error }, 422));
  const { code, out, err } = await tidegate(['reload', '--admin', api.url]);
  t.equal(code, 1);
  t.equal(out, 'tidegate.yaml:3:5: servces: is no key\n');
  t.equal(err, 'tidegate: refused: The file has 1 error, nothing was changed.\n');
});

const event = (id: number, text: string) => ({
  id,
  at: '2026-01-31T12:00:00.000Z',
  kind: 'traffic',
  service: 'shop',
  text,
  data: { epoch: id },
});

t.test('events prints what the API replays and ends by itself', async (t) => {
  const api = await admin(t, (_, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    const frames = [event(3, 'shop: blue 0→5'), event(4, 'moved\x1b[2J')].map(
      (one) => `id: ${one.id}\ndata: ${JSON.stringify(one)}\n\n`,
    );
    res.write(`:\n\n${frames.join('')}data: garbage\n\n`);
  });
  const all = await tidegate(['events', '--admin', api.url]);
  t.equal(all.code, 0);
  t.equal(
    all.out,
    '     3  2026-01-31 12:00:00Z  traffic  shop: blue 0→5\n     4  2026-01-31 12:00:00Z  traffic  shop: moved[2J\n',
  );
  t.equal(api.seen[0]!.url, '/api/events?since=0');
  const inJson = await tidegate(['events', '--json', '--since', '2', '--admin', api.url]);
  t.same(
    inJson.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).id),
    [3, 4],
  );
  t.equal(api.seen[1]!.url, '/api/events?since=2');
});

t.test('events --follow opens a stream that broke off again, after the last event that it saw', async (t) => {
  let opened = 0;
  const api = await admin(t, (_, res) => {
    opened += 1;
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write(`data: ${JSON.stringify(event(opened * 10, `number ${opened}`))}\n\n`);
    if (opened === 1) res.end();
  });
  const child = start(['events', '--follow', '--admin', api.url]);
  await child.until(/number 2/);
  child.kill('SIGINT');
  const { code, err } = await child.done;
  t.same([code, err], [0, '']);
  t.same(
    api.seen.map((one) => one.url),
    ['/api/events', '/api/events?since=10'],
  );
});

t.test('events says why it was refused, and when the answer is no stream', async (t) => {
  let script: Script = (_, res) =>
    json(res, { error: { code: 'too-many-streams', message: 'Too many.', details: null } }, 503);
  const api = await admin(t, (seen, res) => script(seen, res));
  const refused = await tidegate(['events', '--admin', api.url]);
  t.same([refused.code, refused.err], [1, 'tidegate: refused: Too many.\n']);
  script = (_, res) => json(res, { services: [] });
  t.equal((await tidegate(['events', '--admin', api.url])).code, 3);
  script = (_, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write(':\n\n', () => res.destroy());
  };
  const broken = await tidegate(['events', '--admin', api.url]);
  t.equal(broken.code, 3);
  t.match(broken.err, 'broke off before all events were read');
});

t.test('validate: 0 for a good file, 1 with positions for a bad one, 2 for one that cannot be read', async (t) => {
  const folder = t.testdir({
    'good.yaml': `listeners: [{ address: 127.0.0.1:8080 }]
services: { shop: { pools: { blue: { version: v1, endpoints: [127.0.0.1:3001] } }, traffic: blue } }
routes: [{ path: /, service: shop }]
`,
    'bad.yaml': `listeners: [{ adress: 127.0.0.1:8080 }]
services: { shop: { pools: { blue: { version: v1, endpoints: [nonsense] } }, traffic: blue } }
`,
  });
  const good = await tidegate(['validate', join(folder, 'good.yaml')]);
  t.same([good.code, good.err], [0, '']);
  t.match(good.out, /good\.yaml: valid\b/);
  const bad = await tidegate(['validate', join(folder, 'bad.yaml')]);
  t.equal(bad.code, 1);
  t.match(bad.out, /bad\.yaml:1:15: .*adress/);
  t.match(bad.out, /bad\.yaml:2:\d+: services\.shop\.pools\.blue\.endpoints\[0\]/);
  t.match(bad.out, /bad\.yaml: not valid: \d+ errors/);
  const inJson = JSON.parse((await tidegate(['validate', '--json', join(folder, 'bad.yaml')])).out);
  t.equal(inJson.valid, false);
  t.ok(inJson.problems.length >= 2);
  const missing = await tidegate(['validate', join(folder, 'none.yaml')]);
  t.same([missing.code, missing.out], [2, '']);
  t.match(missing.err, /none\.yaml.*there is no such file/);
});

t.test('validate without a word checks tidegate.yaml of the working directory', async (t) => {
  const folder = t.testdir({});
  writeFileSync(join(folder, 'tidegate.yaml'), 'listeners: 5\n');
  const { code, out } = await start(['validate'], {}, [], folder).done;
  t.equal(code, 1);
  t.match(out, /^tidegate\.yaml:1:/m);
});
