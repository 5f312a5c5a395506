/**
 * Flags at the proxy: what an endpoint is told, what a client can and cannot say, who gets a key, and what caches are told.
 */
import { createHmac } from 'node:crypto';
import { createSigner } from 'fast-jwt';
import t from 'tap';
import { signedOverride } from '../../src/flags/override.ts';
import { readFlagSeries } from '../../src/stats/flag-series.ts';
import { readFlagTally } from '../../src/stats/flag-tally.ts';
import { OK_RELAYED } from './stage/messages.ts';
import { Rig, type RigOptions } from './stage/rig.ts';

const JWT_SECRET = 'a-secret-for-tokens-of-this-test';
const TEST_SECRET = 'a-secret-for-testers-of-this-test';
const FLAGS_FIELD = /^Feature-Flags: (.*)\r$/m;

const treatment = { off: false, on: true, strategy: 'percentage', value: 100 };

/** A whole request with these lines. */
function get(path: string, ...lines: string[]): string {
  return `GET ${path} HTTP/1.1\r\nHost: app.test\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
}

/** What the endpoint was told of flags in the last request; null for nothing. */
async function toldOn(rig: Rig, bytes: string): Promise<string | null> {
  rig.upstream.take();
  await rig.ask(bytes);
  const [request = ''] = rig.upstream.take();
  return FLAGS_FIELD.exec(request)?.[1] ?? null;
}

function signed(flags: Record<string, string>, expires: number, secret = TEST_SECRET): string {
  return signedOverride({ flags: new Map(Object.entries(flags)), expires }, secret);
}

function seriesOf(rig: Rig, flag: string, variant: string, pool = 'main') {
  const entries = rig.plane.metrics().flagTraffic!.series;
  return readFlagSeries(
    entries.find((one) => one.flag === flag && one.variant === variant && one.pool === pool)!.board,
  );
}

function tallyOf(rig: Rig) {
  return readFlagTally(rig.plane.metrics().flagTraffic!.tally);
}

const FLAGS = {
  plain: { strategy: 'all' },
  'a.number': { strategy: 'all', on: 1.5, off: 0 },
  words: { strategy: 'all', on: 'say "hi" \\ now', off: '' },
  umlaut: { strategy: 'all', on: 'zoë%', off: '' },
  object: { strategy: 'all', on: { a: [1, 'x"y'] }, off: {} },
  exact: { strategy: 'all', on: 0.12345, off: 0 },
  drawn: treatment,
  listed: { strategy: 'users', value: ['alice', '7', 'zoë'] },

  rules: {
    strategy: 'variants',
    value: 0,
    variants: {
      none: { value: 'none' },
      query: {},
      header: {},
      cookie: {},
      claim: {},
      number: {},
      where: {},
      method: {},
    },
    offVariant: 'none',
    variant: 'none',
    rules: [
      { when: [{ attribute: 'query.plan', equals: 'pro plan' }], strategy: 'all', variant: 'query' },
      { when: [{ attribute: 'header.X-Plan', equals: 'pro' }], strategy: 'all', variant: 'header' },
      { when: [{ attribute: 'cookie.plan', equals: 'pro' }], strategy: 'all', variant: 'cookie' },
      { when: [{ attribute: 'plan', equals: 'pro' }], strategy: 'all', variant: 'claim' },
      { when: [{ attribute: 'age', ge: 18 }], strategy: 'all', variant: 'number' },
      {
        when: [
          { attribute: 'path', prefix: '/where/' },
          { attribute: 'ip', cidr: ['127.0.0.0/8'] },
        ],
        strategy: 'all',
        variant: 'where',
      },
      {
        when: [
          { attribute: 'method', in: ['PUT'] },
          { attribute: 'host', equals: 'app.test' },
        ],
        strategy: 'all',
        variant: 'method',
      },
    ],
  },
};

const ROUTES = [
  { name: 'types', path: '/types', service: 'app', flags: ['words', 'plain', 'a.number', 'umlaut', 'object', 'exact'] },
  { name: 'rules', path: '/rules', service: 'app', flags: ['rules'] },
  { name: 'where', path: '/where', service: 'app', flags: ['rules'] },
  { name: 'listed', path: '/listed', service: 'app', flags: ['listed'] },
  { name: 'drawn', path: '/drawn', service: 'app', flags: ['drawn'] },
  { name: 'both', path: '/both', service: 'app', flags: ['plain', 'drawn'] },
  { name: 'none', service: 'app' },
];

const CONTEXT = {
  key: [{ header: 'X-User' }, { jwt: 'sub' }, { cookie: 'uid' }],
  attributes: { plan: { jwt: 'plan' }, age: { header: 'X-Age', as: 'number' } },
  jwt: { secret: JWT_SECRET, issuer: 'tests' },
  anonymous: { cookie: 'tg-id' },
  overrides: { header: 'X-Choose', cookie: 'choose', secret: TEST_SECRET },
};

const OPTIONS: RigOptions = { routes: ROUTES, access: 'all', top: { flags: FLAGS, flagContext: CONTEXT } };

t.test('one set of flags', async (t) => {
  const rig = await Rig.start(t, OPTIONS);

  t.test('an endpoint is told values as structured fields, in the order of names', async (t) => {
    const told = await toldOn(rig, get('/types'));
    t.equal(
      told,
      'a.number=1.5, exact="0.12345", object="{\\"a\\":[1,\\"x\\\\\\"y\\"]}", plain=?1, umlaut=%"zo%c3%ab%25", words="say \\"hi\\" \\\\ now"',
    );
  });

  t.test(
    'what a client says of flags never passes where the config has flags, on any route and by any spelling',
    async (t) => {
      for (const path of ['/types', '/none']) {
        rig.upstream.take();
        await rig.ask(
          get(
            path,
            'feature-flags: plain=?0',
            'Feature_Flags: x=?1',
            'FEATURE-FLAGS: y',
            'X-Choose: abc',
            'Cookie: a=1; choose=x; b=2',
          ),
        );
        const [request = ''] = rig.upstream.take();
        t.notMatch(request, /plain=\?0|Feature_Flags|=\?1, y|X-Choose|choose=/i, path);
        t.match(request, /\r\nCookie: a=1; b=2\r\n/);
      }
      t.equal(await toldOn(rig, get('/none', 'Feature-Flags: x')), null);
    },
  );

  t.test('nor at the end of a body', async (t) => {
    rig.upstream.take();
    await rig.ask(
      'POST /none HTTP/1.1\r\nHost: app.test\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\nTrailer: Feature-Flags, X-End\r\n\r\n0\r\nFeature-Flags: a\r\nX-End: b\r\n\r\n',
    );
    const [request = ''] = rig.upstream.take();
    t.match(request, /X-End: b/);
    t.notMatch(request, /Feature-Flags: a/);
  });

  t.test('conditions see header, cookie, query, claim, number, path, address, method and host', async (t) => {
    const token = createSigner({ key: JWT_SECRET, algorithm: 'HS256' })({ sub: 'u', plan: 'pro', iss: 'tests' });
    const asked: readonly (readonly [string, string])[] = [
      [get('/rules'), 'none'],
      [get('/rules?x=1&plan=pro+plan'), 'query'],
      [get('/rules', 'x-plan: pro'), 'header'],
      [get('/rules', 'Cookie: a=b; plan=pro'), 'cookie'],
      [get('/rules', `Authorization: Bearer ${token}`), 'claim'],
      [get('/rules', 'X-Age: 18.0'), 'number'],
      [get('/rules', 'X-Age: 17'), 'none'],
      [get('/rules', 'X-Age: 0x20'), 'none'],
      [get('/where/./x'.replace('./', '')), 'where'],
      ['PUT /rules HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0\r\n\r\n', 'method'],
    ];
    for (const [bytes, variant] of asked) t.equal(await toldOn(rig, bytes), `rules="${variant}"`, bytes);
  });

  t.test(
    'a token that is not signed, of somebody else, too late or of another kind is none, and is counted',
    async (t) => {
      const sign = createSigner({ key: JWT_SECRET, algorithm: 'HS256' });
      const good = sign({ plan: 'pro', iss: 'tests' });
      const nowS = Math.floor(Date.now() / 1000);
      const bad = [
        'x.y.z',
        good.slice(0, -2),
        `${good.slice(0, good.indexOf('.'))}.${Buffer.from('{"plan":"pro"}').toString('base64url')}.`,
        createSigner({ key: 'another secret of others', algorithm: 'HS256' })({ plan: 'pro', iss: 'tests' }),
        createSigner({ key: JWT_SECRET, algorithm: 'HS512' })({ plan: 'pro', iss: 'tests' }),
        sign({ plan: 'pro', iss: 'others' }),
        sign({ plan: 'pro' }),
        sign({ plan: 'pro', iss: 'tests', exp: nowS - 5 }),
        sign({ plan: 'pro', iss: 'tests', nbf: nowS + 500 }),
      ];
      const before = tallyOf(rig)['token-refused'];
      for (const token of bad)
        t.equal(await toldOn(rig, get('/rules', `Authorization: Bearer ${token}`)), 'rules="none"');
      t.equal(tallyOf(rig)['token-refused'] - before, bad.length);
      t.equal(await toldOn(rig, get('/rules', 'Authorization: Basic YTpi')), 'rules="none"');
      t.equal(tallyOf(rig)['token-refused'] - before, bad.length, 'a password is no token');
    },
  );

  t.test('the key is the first that is there, and its bytes are UTF-8', async (t) => {
    const token = createSigner({ key: JWT_SECRET, algorithm: 'HS256' })({ sub: 7 as unknown as string, iss: 'tests' });
    t.equal(await toldOn(rig, get('/listed', 'X-User: alice', 'Cookie: uid=bob')), 'listed=?1');
    t.equal(await toldOn(rig, get('/listed', 'X-User: bob', 'Cookie: uid=alice')), 'listed=?0');
    t.equal(await toldOn(rig, get('/listed', 'Cookie: uid=alice')), 'listed=?1');
    t.equal(await toldOn(rig, get('/listed', 'X-User:', 'Cookie: uid=alice')), 'listed=?1', 'an empty one is none');
    t.equal(await toldOn(rig, get('/listed', `Authorization: Bearer ${token}`)), 'listed=?1', 'a number is its digits');
    const bytes = Buffer.from('zoë').toString('latin1');
    t.equal(await toldOn(rig, get('/listed', `X-User: ${bytes}`)), 'listed=?1');
  });

  t.test('a visitor without a key gets one when a draw wants it, and it counts for that very request', async (t) => {
    rig.upstream.take();
    const answer = await rig.ask(get('/drawn', 'Cookie: a=b'));
    const [, key, rest] = /\r\nSet-Cookie: tg-id=([0-9a-f]{32})(.*)\r\n/.exec(answer) ?? [];
    t.equal(rest, '; Path=/; Max-Age=15552000; HttpOnly; SameSite=Lax');
    const [request = ''] = rig.upstream.take();
    t.match(request, `\r\nCookie: a=b; tg-id=${key}\r\n`);
    t.match(request, '\r\nFeature-Flags: drawn=?1\r\n');
    const again = await rig.ask(get('/drawn', `Cookie: tg-id=${key}`));
    t.equal(again, OK_RELAYED, 'who has one gets no other');
  });

  t.test('nobody gets a key where none is drawn by', async (t) => {
    for (const path of ['/types', '/listed', '/none']) t.notMatch(await rig.ask(get(path)), /Set-Cookie/, path);
  });

  t.test('over TLS, as a trusted proxy says, the cookie is for TLS only', async (t) => {
    const answer = await rig.ask(get('/drawn', 'X-Forwarded-Proto: https'), 'trusting');
    t.match(answer, /Set-Cookie: tg-id=[0-9a-f]{32};.*; SameSite=Lax; Secure\r\n/);
    t.notMatch(await rig.ask(get('/drawn', 'X-Forwarded-Proto: https')), /Secure/, 'a stranger may not say so');
  });

  t.test('a response that is for everybody carries no key', async (t) => {
    for (const field of ['Cache-Control: public, max-age=60', 'Cache-Control: max-age=1, s-maxage=60']) {
      rig.upstream.answer(`HTTP/1.1 200 OK\r\n${field}\r\nContent-Length: 2\r\n\r\nok`);
      t.notMatch(await rig.ask(get('/drawn')), /Set-Cookie/, field);
    }
    rig.upstream.answer('HTTP/1.1 200 OK\r\nCache-Control: private\r\nContent-Length: 2\r\n\r\nok');
    t.match(await rig.ask(get('/drawn')), /Set-Cookie: tg-id=/);
    rig.upstream.answerOk();
  });

  t.test('caches are told by the fields that they see', async (t) => {
    rig.upstream.answer('HTTP/1.1 200 OK\r\nVary: Accept, feature-flags\r\nContent-Length: 2\r\n\r\nok');
    const varied = async (path: string): Promise<string | undefined> =>
      /\r\nVary: (.*)\r\n/.exec(await rig.ask(get(path, 'X-User: alice')))?.[1];
    t.equal(await varied('/drawn'), 'Accept, Cookie, authorization, x-choose, x-user');
    t.equal(await varied('/types'), 'Accept, Cookie, x-choose');
    t.equal(await varied('/rules'), '*', 'an address is no field');
    t.equal(await varied('/none'), 'Accept, feature-flags', 'a route without flags changes nothing');
    rig.upstream.answer('HTTP/1.1 200 OK\r\nVary: Accept\r\nContent-Length: 2\r\n\r\nok');
    t.equal(await varied('/drawn'), 'Accept');
    rig.upstream.answerOk();
  });

  t.test('a tester chooses, and is in no statistics', async (t) => {
    const before = { off: seriesOf(rig, 'drawn', 'off'), on: seriesOf(rig, 'drawn', 'on'), tally: tallyOf(rig) };
    const choice = signed({ drawn: 'off', unknown: 'x' }, Date.now() / 1000 + 60);
    t.equal(await toldOn(rig, get('/drawn', 'X-User: a', `X-Choose: ${choice}`)), 'drawn=?0');
    t.equal(await toldOn(rig, get('/both', 'X-User: a', `Cookie: choose=${choice}`)), 'drawn=?0, plain=?1');
    await rig.settled();
    t.strictSame(seriesOf(rig, 'drawn', 'off'), before.off);
    t.strictSame(seriesOf(rig, 'drawn', 'on'), before.on);
    t.equal(tallyOf(rig)['override-used'] - before.tally['override-used'], 2);
    t.match(await rig.logged('/both'), { flagsChosenByTester: true });
  });

  t.test('a choice that is late, forged or no choice is as if it were not there, and is counted', async (t) => {
    const before = tallyOf(rig);
    const nowS = Date.now() / 1000;
    const good = signed({ drawn: 'off' }, nowS + 60);
    const forged = [
      good.slice(0, -1),
      `${good}x`,
      signed({ drawn: 'off' }, nowS + 60, 'another secret'),
      '',
      '.',
      'x'.repeat(6000),
      '...',
    ];
    for (const text of forged) t.equal(await toldOn(rig, get('/drawn', 'X-User: a', `X-Choose: ${text}`)), 'drawn=?1');
    t.equal(
      await toldOn(rig, get('/drawn', 'X-User: a', `X-Choose: ${signed({ drawn: 'off' }, nowS - 1)}`)),
      'drawn=?1',
    );
    const unreadable = `e30.${createHmac('sha256', TEST_SECRET).update('e30').digest('base64url')}`;
    t.equal(await toldOn(rig, get('/drawn', 'X-User: a', `X-Choose: ${unreadable}`)), 'drawn=?1');
    const after = tallyOf(rig);
    t.equal(after['override-refused'] - before['override-refused'], forged.length + 1);
    t.equal(after['override-expired'] - before['override-expired'], 1);
  });

  t.test('a kill holds for testers too', async (t) => {
    const choice = signed({ drawn: 'on' }, Date.now() / 1000 + 60);
    const bytes = get('/drawn', 'X-User: a', `X-Choose: ${choice}`);
    const instruction = { by: 'test', reason: '', ifEpoch: null };
    await rig.plane.flags.kill('drawn', instruction);
    t.equal(await toldOn(rig, bytes), 'drawn=?0');
    await rig.plane.flags.restore('drawn', instruction);
    t.equal(await toldOn(rig, bytes), 'drawn=?1');
  });

  t.test('a reload that leaves flag and pool in place goes on counting', async (t) => {
    await rig.ask(get('/drawn', 'X-User: a'));
    await rig.settled();
    const before = seriesOf(rig, 'drawn', 'on');
    t.ok(before.codes[1]! > 0);
    await rig.reload({ ...OPTIONS, limits: { fields: 100 } });
    t.strictSame(seriesOf(rig, 'drawn', 'on'), before);
  });

  t.test('exchanges are counted by variant and pool, with what was bad', async (t) => {
    await rig.settled();
    const before = seriesOf(rig, 'drawn', 'on');
    await rig.ask(get('/drawn', 'X-User: a'));
    rig.upstream.answer('HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n');
    await rig.ask(get('/drawn', 'X-User: a'));
    rig.upstream.answer('', 'reset');
    await rig.ask(get('/drawn', 'X-User: a'));
    await rig.settled();
    const after = seriesOf(rig, 'drawn', 'on');
    t.strictSame(
      after.codes.map((count, index) => count - before.codes[index]!),
      [0, 1, 0, 0, 2, 0],
    );
    t.equal(after.judged - before.judged, 3);
    t.equal(after.errors - before.errors, 2);
    t.equal(
      after.durations.reduce((sum, count) => sum + count) - before.durations.reduce((sum, count) => sum + count),
      3,
    );
  });

  t.test('the access log names variants and reasons, and never a key', async (t) => {
    await rig.ask(get('/drawn/logged', 'X-User: very-secret-key'));
    const line = await rig.logged('/drawn/logged');
    t.match(line.feature_flag, [
      { 'feature_flag.key': 'drawn', 'feature_flag.result.variant': 'on', 'feature_flag.result.reason': 'split' },
    ]);
    t.match((line.feature_flag as Record<string, string>[])[0]!['feature_flag.version'], /./);
    t.notMatch(JSON.stringify(line), /very-secret-key/);
    await rig.ask(get('/none/logged'));
    t.notOk('feature_flag' in (await rig.logged('/none/logged')));
  });

  t.test('a tunnel is told as well', async (t) => {
    rig.upstream.respond = ({ end }) =>
      end.send('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
    rig.upstream.take();
    const client = await rig.client();
    client.send(get('/drawn', 'X-User: a', 'Connection: upgrade', 'Upgrade: websocket', 'Feature-Flags: drawn=?0'));
    await client.untilHas('101 Switching Protocols');
    t.match(rig.upstream.take()[0], /\r\nFeature-Flags: drawn=\?1\r\n/);
    client.socket.destroy();
    rig.upstream.answerOk();
  });
});
