/** Verbs that move traffic, and every verb's failures, as real processes: what is sent, what is printed, how they exit. */

import { once } from 'node:events';
import { createServer } from 'node:net';
import t from 'tap';
import { json, receipt, type Script, scriptedAdmin, service, start, tidegate } from './tidegate.ts';

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
  const error = { code: 'unauthorized', message: 'hunter2 is not the token.', details: null };
  const api = await admin(t, (_, res) => json(res, { error }, 401));
  const { code, out, err } = await tidegate(['rollback', 'shop', '--admin', api.url, '--token', 'hunter2']);
  t.equal(code, 1);
  t.equal(out + err, 'tidegate: refused: *** is not the token. It is said by --token TOKEN or TIDEGATE_TOKEN.\n');
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
