/** OFREP byte by byte: what is asked at the admin address, and exactly what is answered. */
import t, { type Test } from 'tap';
import { type Answer, type Given, type Harness, start } from './harness.ts';
import { flagSpec } from './scripted-flags.ts';

const ALL = '/ofrep/v1/evaluate/flags';
const JSON_TYPE = { 'Content-Type': 'application/json' };
const half = { kind: 'percentage', share: 50_000 } as const;

async function startWithFlags(t: Test, given: Given = {}): Promise<Harness> {
  const admin = await start(t, given);
  admin.flags.say([
    flagSpec('split', 'new', 'old', { strategy: half }),
    flagSpec('banner', { text: 'hi', sizes: [1, 2] }, {}),
    flagSpec('checkout', true, false, { strategy: { kind: 'users', users: ['alice'] } }),
    flagSpec('ratio', 0.25, 1),
    flagSpec('switched-off', true, false, { strategy: { kind: 'none' } }),
    flagSpec('a%2Fb', true, false),
  ]);
  return admin;
}

function post(admin: Harness, path: string, context?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const body = context === undefined ? '' : JSON.stringify({ context });
  return admin.ask({ method: 'POST', path, headers: { ...JSON_TYPE, ...headers }, body });
}

const bodyOf = (answer: Answer): unknown => JSON.parse(answer.text);

t.test('one flag: key, value, reason and variant, with its revision', async (t) => {
  const admin = await startWithFlags(t);
  const cases: readonly (readonly [flag: string, key: string | null, answer: object])[] = [
    ['checkout', 'alice', { value: true, reason: 'TARGETING_MATCH', variant: 'on' }],
    ['checkout', 'bob', { value: false, reason: 'DEFAULT', variant: 'off' }],
    ['checkout', null, { value: false, reason: 'DEFAULT', variant: 'off' }],
    ['ratio', null, { value: 0.25, reason: 'STATIC', variant: 'on' }],
    ['banner', null, { value: { text: 'hi', sizes: [1, 2] }, reason: 'STATIC', variant: 'on' }],
    ['switched-off', 'alice', { value: false, reason: 'DISABLED', variant: 'off' }],
  ];
  for (const [flag, targetingKey, expected] of cases) {
    const answer = await post(admin, `${ALL}/${flag}`, targetingKey === null ? undefined : { targetingKey });
    t.equal(answer.status, 200, flag);
    t.match(answer.headers, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
    t.strictSame(bodyOf(answer), { key: flag, ...expected, metadata: { revision: 'v1' } });
  }
  t.equal(admin.flags.counted.length, cases.length, 'each answer is counted');
});

t.test('the name of a flag is percent-decoded exactly once', async (t) => {
  const admin = await startWithFlags(t);
  t.match(bodyOf(await post(admin, `${ALL}/a%252Fb`)), { key: 'a%2Fb', value: true });
  t.match(bodyOf(await post(admin, `${ALL}/%63heckout`)), { key: 'checkout' });
  for (const [path, key] of [
    ['a%2Fb', 'a/b'],
    ['a/b', 'a/b'],
    ['%E2%82%AC', '€'],
    ['', ''],
    ['__proto__', '__proto__'],
    ['x'.repeat(5_000), 'x'.repeat(5_000)],
  ] as const) {
    const answer = await post(admin, `${ALL}/${path}`);
    t.equal(answer.status, 404, path.slice(0, 20));
    t.match(bodyOf(answer), { key, errorCode: 'FLAG_NOT_FOUND', errorDetails: String });
  }
  const broken = await post(admin, `${ALL}/100%`);
  t.equal(broken.status, 400);
  t.match(bodyOf(broken), { key: '100%', errorCode: 'PARSE_ERROR' });
});

t.test('a key that is needed and missing fails that flag only', async (t) => {
  const admin = await startWithFlags(t);
  const one = await post(admin, `${ALL}/split`);
  t.equal(one.status, 400);
  t.match(bodyOf(one), { key: 'split', errorCode: 'TARGETING_KEY_MISSING' });
  const all = await post(admin, ALL);
  t.equal(all.status, 200);
  const { flags } = bodyOf(all) as { flags: { key: string; errorCode?: string }[] };
  t.same(
    flags.map(({ key, errorCode }) => [key, errorCode]),
    [
      ['a%2Fb', undefined],
      ['banner', undefined],
      ['checkout', undefined],
      ['ratio', undefined],
      ['split', 'TARGETING_KEY_MISSING'],
      ['switched-off', undefined],
    ],
    'sorted by name',
  );
});

t.test('every way to ask wrongly has a status and a code that clients understand', async (t) => {
  const admin = await startWithFlags(t, { ofrep: { limits: { bodyBytes: 300, attributes: 4, depth: 3, streams: 1 } } });
  const ask = (path: string, body: string, headers: Record<string, string> = JSON_TYPE, method = 'POST') =>
    admin.ask({ method, path, body, headers });
  const long = JSON.stringify({ context: { a: 'x'.repeat(300) } });
  const one = `${ALL}/ratio`;
  const cases: readonly (readonly [reason: string, asking: Promise<Answer>, status: number, errorCode: string])[] = [
    ['json', ask(one, '{'), 400, 'PARSE_ERROR'],
    ['json', ask(ALL, '[]'), 400, 'PARSE_ERROR'],
    ['context', ask(one, '{"context":7}'), 400, 'INVALID_CONTEXT'],
    ['context', ask(ALL, '{"context":{"a":[1,2,3,4]}}'), 400, 'INVALID_CONTEXT'],
    ['size', ask(one, long), 400, 'INVALID_CONTEXT'],
    ['type', ask(one, '{}', { 'Content-Type': 'text/plain' }), 400, 'PARSE_ERROR'],
    ['type', ask(ALL, '{}', {}), 400, 'PARSE_ERROR'],
    ['method', ask(one, '', {}, 'GET'), 405, 'GENERAL'],
    ['method', ask('/ofrep/v1/events', ''), 405, 'GENERAL'],
    ['path', ask('/ofrep/v2/evaluate/flags', '{}'), 404, 'GENERAL'],
    ['path', ask('/ofrep/v1/configuration', '', {}, 'GET'), 404, 'GENERAL'],
  ];
  for (const [reason, asking, status, errorCode] of cases) {
    const answer = await asking;
    t.equal(answer.status, status, `${reason}: ${answer.text}`);
    t.match(bodyOf(answer), { errorCode, errorDetails: String }, reason);
  }
  const refused = new Map(admin.ofrep.figures().refusals.map(({ reason, count }) => [reason, count]));
  t.same(
    [...refused].filter(([, count]) => count > 0),
    [
      ['path', 2],
      ['method', 2],
      ['type', 2],
      ['size', 1],
      ['json', 2],
      ['context', 2],
    ],
  );
  t.match((await ask(one, '', {}, 'PUT')).headers, { allow: 'POST, OPTIONS' });
});

t.test('a body that is announced as none and goes on too long is cut off', async (t) => {
  const admin = await startWithFlags(t, { ofrep: { limits: { bodyBytes: 300, attributes: 4, depth: 3, streams: 1 } } });
  const chunk = `100\r\n${' '.repeat(256)}\r\n`;
  const head = `POST ${ALL} HTTP/1.1\r\nHost: ${admin.own}\r\nContent-Type: application/json\r\n`;
  const answer = await admin.raw(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk}${chunk}`);
  t.equal(answer.status, 400);
  t.match(answer.headers, { connection: 'close' });
  t.match(bodyOf(answer), { errorCode: 'INVALID_CONTEXT', errorDetails: /larger than 300 bytes/ });
});

t.test('a fault of ours is a 500 that says nothing but that, and a line in the log', async (t) => {
  const admin = await startWithFlags(t);
  admin.flags.failure = new Error('the secret reason');
  for (const path of [ALL, `${ALL}/ratio`]) {
    const answer = await post(admin, path, { targetingKey: 'alice' });
    t.equal(answer.status, 500);
    t.same(Object.keys(bodyOf(answer) as object), ['errorDetails']);
    t.notMatch(answer.text, /secret reason/);
  }
  t.equal(admin.lines('err').length, 2);
});

t.test('the tag covers context and answer; who has both gets 304 without a body', async (t) => {
  const admin = await startWithFlags(t);
  const alice = { targetingKey: 'alice', plan: 'pro', tags: { b: 1, a: 2 } };
  const first = await post(admin, ALL, alice);
  const etag = first.headers.etag!;
  t.match(etag, /^"[\w-]{22}"$/);
  const reordered = { tags: { a: 2, b: 1 }, plan: 'pro', targetingKey: 'alice' };
  const again = await post(admin, ALL, reordered, { 'If-None-Match': etag });
  t.match(again, { status: 304, text: '' }, 'the order of members says nothing');
  t.equal(again.headers.etag, etag);
  t.notOk('content-type' in again.headers);
  t.equal((await post(admin, ALL, alice, { 'If-None-Match': `"other", W/${etag}` })).status, 304);

  for (const other of [{ ...alice, plan: 'free' }, { ...alice, targetingKey: 'bob' }, {}]) {
    const answer = await post(admin, ALL, other, { 'If-None-Match': etag });
    t.equal(answer.status, 200, 'another context is never "not modified"');
    t.not(answer.headers.etag, etag);
  }
  t.equal((await post(admin, `${ALL}?flagConfigEtag=r2`, alice, { 'If-None-Match': etag })).status, 200);

  admin.flags.kill('checkout');
  const changed = await post(admin, ALL, alice, { 'If-None-Match': etag });
  t.equal(changed.status, 200, 'nor is a change of a flag');
  const { flags } = bodyOf(changed) as { flags: { key: string }[] };
  t.match(
    flags.find(({ key }) => key === 'checkout'),
    { value: false, reason: 'DISABLED' },
  );
});

t.test('the answer about all flags names the change stream, from where it was asked or from outside', async (t) => {
  const near = await startWithFlags(t);
  t.match(bodyOf(await post(near, ALL)), {
    metadata: { revision: near.flags.revision },
    eventStreams: [{ type: 'sse', endpoint: { requestUri: '/ofrep/v1/events' }, inactivityDelaySec: Number }],
  });
  const far = await startWithFlags(t, { ofrep: { baseUrl: 'https://flags.example.com/at' } });
  t.match(bodyOf(await post(far, ALL)), {
    eventStreams: [{ type: 'sse', url: 'https://flags.example.com/at/ofrep/v1/events' }],
  });
});

t.test('several questions may share a connection, and a large one does not spoil the next', async (t) => {
  const admin = await startWithFlags(t);
  const question = (path: string, close = '') =>
    `POST ${path} HTTP/1.1\r\nHost: ${admin.own}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n${close}\r\n{}`;
  const { text } = await admin.raw(`${question(`${ALL}/ratio`)}${question(`${ALL}/banner`, 'Connection: close\r\n')}`);
  t.match(text, /"key":"ratio".*"key":"banner"/s);
});
