/**
 * Where variants of flags send requests: to a pool, to another path, elsewhere; and what becomes of the rest of the route then.
 */
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createSigner } from 'fast-jwt';
import t from 'tap';
import { readEndpoint } from '../../src/stats/endpoint-cells.ts';
import { readFlagSeries } from '../../src/stats/flag-series.ts';
import { readFlagTally } from '../../src/stats/flag-tally.ts';
import { until } from '../scenario/stage/until.ts';
import { Rig } from './stage/rig.ts';
import { Upstream } from './stage/upstream.ts';

function get(path: string, ...lines: string[]): string {
  return `GET ${path} HTTP/1.1\r\nHost: app.test\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
}

function led(leads: object): object {
  return {
    strategy: 'users',
    value: ['in'],
    variants: { control: {}, treatment: leads },
    offVariant: 'control',
    variant: 'treatment',
  };
}

function seriesOf(rig: Rig, flag: string, variant: string, pool: string) {
  const entries = rig.plane.metrics().flagTraffic!.series;
  return readFlagSeries(
    entries.find((one) => one.flag === flag && one.variant === variant && one.pool === pool)!.board,
  );
}

const CONTEXT = { key: [{ header: 'X-User' }] };

/** The request as the endpoint got it, of those that it was sent last. */
async function arrivedOf(rig: Rig, upstream: Upstream, bytes: string): Promise<string> {
  upstream.take();
  await rig.ask(bytes);
  return upstream.take().at(-1) ?? '';
}

t.test('variants lead', async (t) => {
  const canary = await Upstream.open(t);
  const gone = await Upstream.open(t);
  gone.answer('HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n');
  const rig = await Rig.start(t, {
    pools: {
      canary: { version: 'v2', endpoints: [canary.address] },
      empty: { version: 'v3', endpoints: [gone.address] },
    },
    service: {
      traffic: { main: 100, canary: 0, empty: 0 },
      preview: { header: 'X-Pool', token: 'let-me-in' },
      retries: { attempts: 1, fallback: true },
      health: { path: '/healthz', interval: '1h', unhealthy: 1 },
    },
    routes: [
      { path: '/pool', service: 'app', flags: ['other', 'pooled', 'emptied'] },
      { path: '/empty', service: 'app', flags: ['emptied', 'pooled'] },
      { path: '/old', service: 'app', flags: ['rewritten'], rewrite: { prefix: '/kept' } },
      { path: { exact: '/exact' }, service: 'app', flags: ['rewritten'] },
      {
        path: '/away',
        service: 'app',
        flags: ['sent', 'drawn'],
        responseHeaders: { set: { 'Cache-Control': 'public, max-age=60', Vary: 'Accept' } },
      },
      { path: '/here', service: 'app', flags: ['moved'] },
      { path: '/', service: 'app' },
    ],
    top: {
      flags: {
        other: { strategy: 'all' },
        pooled: led({ pool: 'canary' }),
        emptied: led({ pool: 'empty' }),
        rewritten: led({ rewrite: '/new' }),
        sent: { ...led({ redirect: 'https://else.test:444/a' }), value: ['in', 'with-query'] },
        moved: led({ redirect: '/there?x=y' }),
        drawn: { strategy: 'percentage', value: 50 },
      },
      flagContext: { ...CONTEXT, anonymous: { cookie: 'tg-id' } },
    },
  });
  const IN = 'X-User: in';
  const answerOfCanary = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ncanary';
  canary.answer(answerOfCanary);
  const empty = rig.plane.metrics().endpoints.find(({ pool }) => pool === 'empty')!;
  await until('the empty pool admits nobody', () => !readEndpoint(empty.board).admitting);
  // The one check of the others must not come later, among requests that are counted and answers that are bad.
  for (const upstream of [rig.upstream, canary]) {
    await until('it has been checked', () => upstream.take().some((bytes) => bytes.startsWith('GET /healthz')));
  }

  t.test('to a pool that has no traffic', async (t) => {
    t.match(await rig.ask(get('/pool', IN)), /canary$/);
    const answer = await rig.ask(get('/pool', 'X-User: out'));
    t.match(
      answer,
      /\r\nVary: Cookie, x-user\r\n[\s\S]*ok$/,
      'and caches are told that users differ, also where the endpoint does not',
    );
    await rig.settled();
    t.equal(seriesOf(rig, 'pooled', 'treatment', 'canary').codes[1], 1);
    t.equal(seriesOf(rig, 'pooled', 'control', 'main').codes[1], 1);
    t.equal(seriesOf(rig, 'other', 'on', 'canary').codes[1], 1, 'each flag of the route counts');
  });

  t.test("its failures are the flag's and not the version's, which nobody assigned by chance", async (t) => {
    canary.answer('HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n');
    await rig.ask(get('/pool', IN));
    await rig.settled();
    t.equal(seriesOf(rig, 'pooled', 'treatment', 'canary').errors, 1);
    t.equal(rig.series('canary').position(0).bad, 0);
    canary.answer(answerOfCanary);
  });

  t.test('an attempt that fails there may be saved by the active pool, which is told the same', async (t) => {
    canary.respond = ({ end }) => end.reset();
    t.match(
      await arrivedOf(rig, rig.upstream, get('/pool', IN)),
      /\r\nFeature-Flags: emptied="treatment", other=\?1, pooled="treatment"\r\n/,
    );
    canary.answer(answerOfCanary);
  });

  t.test('a preview is asked for, and wins, and is no user of the flag', async (t) => {
    await rig.settled();
    const before = seriesOf(rig, 'pooled', 'treatment', 'main');
    t.match(await rig.ask(get('/pool', IN, 'X-Pool: main; token=let-me-in')), /ok$/);
    await rig.settled();
    t.strictSame(seriesOf(rig, 'pooled', 'treatment', 'main'), before);
  });

  t.test('to the active pool where that one admits nobody, and it is counted', async (t) => {
    t.match(await rig.ask(get('/empty', IN)), /ok$/);
    await rig.settled();
    t.equal(seriesOf(rig, 'emptied', 'treatment', 'empty').fallbacks, 1);
    t.equal(seriesOf(rig, 'emptied', 'treatment', 'main').codes[1], 1);
    t.equal(seriesOf(rig, 'emptied', 'treatment', 'empty').codes[1], 0);
    const page = JSON.stringify(rig.plane.metrics().flagTraffic!.series.map(({ board: _, ...labels }) => labels));
    t.match(page, '"flag":"emptied","variant":"treatment","service":"app","pool":"empty"');
  });

  t.test('under another path: in place of the prefix that the route matches, or of all of it', async (t) => {
    t.match(await arrivedOf(rig, rig.upstream, get('/old/a?b=c', IN)), /^GET \/new\/a\?b=c HTTP/);
    t.match(await arrivedOf(rig, rig.upstream, get('/old/a?b=c')), /^GET \/kept\/a\?b=c HTTP/);
    t.match(await arrivedOf(rig, rig.upstream, get('/exact', IN)), /^GET \/new HTTP/);
  });

  t.test('elsewhere, with the query, the key, and no word to caches', async (t) => {
    const away = await rig.ask(get('/away?q=1', IN));
    t.match(
      away,
      /^HTTP\/1.1 307 [\s\S]*\r\nLocation: https:\/\/else.test:444\/a\?q=1\r\n[\s\S]*\r\nCache-Control: no-store\r\n/,
    );
    t.notMatch(away, /Set-Cookie|public/, 'what the rules say of all answers does not make it one for everybody');
    t.match(await rig.ask(get('/here?q=1', IN)), /\r\nLocation: http:\/\/app.test\/there\?x=y\r\n/);
    t.match(await rig.ask(get('/away?q=1', 'X-User: out')), /\r\nVary: Accept, Cookie, x-user\r\n[\s\S]*ok$/);
    t.notMatch(await rig.ask(get('/away')), /Set-Cookie/, 'a rule has made it one for everybody');
  });
});

t.test('a dictionary that is too long loses flags, the last of them first, and says so', async (t) => {
  const rig = await Rig.start(t, {
    routes: [{ service: 'app', flags: ['long', 'aa', 'zz'] }],
    top: {
      flags: {
        aa: { strategy: 'all' },
        long: { strategy: 'all', on: 'x'.repeat(300), off: '' },
        zz: { strategy: 'all' },
      },
      flagContext: { ...CONTEXT, headerLimit: '256B', baggage: true },
    },
  });
  const request = await arrivedOf(rig, rig.upstream, get('/', 'baggage: a=b;p, feature_flag.aa=off', 'Baggage: c=d'));
  t.match(request, /\r\nFeature-Flags: aa=\?1, zz=\?1\r\n/);
  t.equal(readFlagTally(rig.plane.metrics().flagTraffic!.tally)['header-left-out'], 1);
  t.match(request, /\r\nbaggage: a=b;p,c=d,feature_flag.aa=on,feature_flag.long=on,feature_flag.zz=on\r\n/);
  t.equal(request.match(/baggage/gi)?.length, 1);
});

t.test('tokens are believed by a public key, or by word of the config', async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const base = {
    routes: [{ service: 'app', flags: ['listed'] }],
    top: { flags: { listed: { strategy: 'users', value: ['alice'] } } },
  };
  const top = (jwt: object): object => ({ ...base.top, flagContext: { key: [{ jwt: 'sub' }], jwt } });
  const rig = await Rig.start(t, { ...base, top: top({ cookie: 'session', publicKey: pem }) });
  const token = createSigner({ key, algorithm: 'ES256' })({ sub: 'alice' });
  t.match(await arrivedOf(rig, rig.upstream, get('/', `Cookie: session=${token}`)), /listed=\?1/);
  // What is public is no secret to sign with.
  const [head, body] = [{ alg: 'HS256', typ: 'JWT' }, { sub: 'alice' }].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  const { createHmac } = await import('node:crypto');
  const mac = createHmac('sha256', pem).update(`${head}.${body}`).digest('base64url');
  t.match(await arrivedOf(rig, rig.upstream, get('/', `Cookie: session=${head}.${body}.${mac}`)), /listed=\?0/);
  const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`;
  t.match(await arrivedOf(rig, rig.upstream, get('/', `Cookie: session=${unsigned}`)), /listed=\?0/);
  await rig.reload({ ...base, top: top({ header: 'X-Token', unverified: true }) });
  t.match(await arrivedOf(rig, rig.upstream, get('/', `X-Token: ${unsigned}`)), /listed=\?1/);
  t.match(await arrivedOf(rig, rig.upstream, get('/', 'X-Token: rubbish')), /listed=\?0/);
});

t.test('exposures', async (t) => {
  const file = join(t.testdir(), 'exposures.ndjson');
  const read = (): Record<string, string>[] => {
    try {
      return readFileSync(file, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
    } catch {
      return [];
    }
  };
  const options = (exposures: object) => ({
    service: { preview: { header: 'X-Pool', token: 'let-me-in' } },
    routes: [{ service: 'app', flags: ['drawn', 'listed'] }],
    top: {
      flags: { drawn: { strategy: 'percentage', value: 50 }, listed: { strategy: 'users', value: ['a'] } },
      flagContext: CONTEXT,
      exposures,
    },
  });
  const rig = await Rig.start(t, options({ file, secret: 'pepper-of-exposures' }));

  t.test('a draw is told once for each user and variant, without the key', async (t) => {
    await rig.ask(get('/', 'X-User: previewer', 'X-Pool: main; token=let-me-in'));
    for (const user of ['a', 'b', 'a', 'c', 'b', 'a']) await rig.ask(get('/', `X-User: ${user}`));
    await until('three lines are written', () => read().length >= 3);
    const lines = read();
    t.equal(lines.length, 3);
    t.strictSame([...new Set(lines.map((line) => line['feature_flag.key']))], ['drawn']);
    t.equal(new Set(lines.map((line) => line.keyHash)).size, 3);
    t.match(lines[0], {
      keyHash: /^[0-9a-f]{32}$/,
      service: 'app',
      'feature_flag.result.variant': /^(on|off)$/,
      at: /Z$/,
    });
    await until('three are counted', () => rig.plane.metrics().flagTraffic!.exposures.results.told === 3);
  });

  t.test('a webhook gets them in batches that are signed, and again after a failure', async (t) => {
    const bodies: string[] = [];
    let failures = 1;
    const server = createServer((req, res) => {
      let body = '';
      req.on('data', (piece) => {
        body += piece;
      });
      req.on('end', () => {
        if (failures > 0) {
          failures -= 1;
          res.writeHead(503).end();
          return;
        }
        if (/^v1,/.test(String(req.headers['webhook-signature']))) bodies.push(body);
        res.end();
      });
    });
    server.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    t.teardown(() => server.close());
    const { port } = server.address() as { port: number };
    await rig.reload(options({ webhook: { url: `http://127.0.0.1:${port}/e`, secret: 'signing' }, window: '1h' }));
    await rig.ask(get('/', 'X-User: d'));
    await until('the batch has come', () => bodies.length > 0);
    t.equal(JSON.parse(bodies[0]!).exposures.length, 1);
  });
});
