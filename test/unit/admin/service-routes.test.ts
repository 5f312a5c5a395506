import t from 'tap';
import type { z } from 'zod';
import { REFUSAL_STATUS } from '../../../src/admin/fault.ts';
import { receiptAnswer, serviceAnswer, servicesAnswer } from '../../../src/admin/schemas.ts';
import type { Refusal } from '../../../src/control/operations.ts';
import { type Answer, errorOf, start } from './harness.ts';
import { RECEIPT, refusal, SHOP, STATE } from './scripted-operations.ts';

const TRAFFIC = '/api/services/shop/traffic';
const FLIP = '/api/services/shop/flip';
const ROLLBACK = '/api/services/shop/rollback';

function documented(answer: Answer, schema: z.ZodType): unknown {
  return schema.parse(JSON.parse(answer.text));
}

t.test('services are listed and shown as they are documented, with the epoch as ETag', async (t) => {
  const admin = await start(t);
  const all = await admin.ask({ path: '/api/services' });
  t.equal(all.status, 200);
  t.match(all.headers['content-type'], /^application\/json/);
  t.same(documented(all, servicesAnswer), { services: [SHOP], state: STATE, flagRollouts: [] });
  const one = await admin.ask({ path: '/api/services/shop' });
  t.equal(one.headers.etag, '"7"');
  t.same(documented(one, serviceAnswer), SHOP);
});

t.test('what is not there is answered with 404 and a code', async (t) => {
  const admin = await start(t);
  const cases = [
    ['/api/services/nothing', 'unknown-service'],
    ['/api/services/__proto__', 'unknown-service'],
    ['/api/services/%2e%2e', 'unknown-service'],
    ['/api/receipts/9?service=shop', 'unknown-receipt'],
    ['/api/receipts/8?service=other', 'unknown-receipt'],
    ['/api', 'not-found'],
    ['/', 'not-found'],
    ['/api/services/shop/', 'not-found'],
    ['/api/services/shop/nothing', 'not-found'],
  ] as const;
  for (const [path, code] of cases) {
    const answer = await admin.ask({ path });
    t.equal(answer.status, 404, path);
    t.equal(errorOf(answer).code, code, path);
  }
});

t.test('a receipt is found by service and epoch, and both are checked', async (t) => {
  const admin = await start(t);
  t.same(documented(await admin.ask({ path: '/api/receipts/8?service=shop' }), receiptAnswer), RECEIPT);
  for (const path of [
    '/api/receipts/8',
    '/api/receipts/x?service=shop',
    '/api/receipts/-1?service=shop',
    '/api/receipts/8.5?service=shop',
    '/api/receipts/8888888888888888?service=shop',
    '/api/receipts/8?service=shop&service=other',
    '/api/receipts/8?service=shop&more=1',
  ]) {
    const answer = await admin.ask({ path });
    t.equal(answer.status, 400, path);
    t.equal(errorOf(answer).code, 'invalid-request', path);
  }
});

t.test('weights reach the control plane as they were sent, and the receipt comes back with its epoch', async (t) => {
  const admin = await start(t);
  const answer = await admin.change('PUT', TRAFFIC, { blue: 99.9, green: 0.1, grey: 0 });
  t.equal(answer.status, 200);
  t.equal(answer.headers.etag, '"8"');
  t.same(documented(answer, receiptAnswer), RECEIPT);
  t.match(admin.operations.calls, [
    {
      operation: 'setTraffic',
      service: 'shop',
      input: { blue: 99.9, green: 0.1, grey: 0 },
      instruction: { by: 'api', reason: '', ifEpoch: null },
    },
  ]);
});

t.test('weights that are not numbers from 0 up are refused with path and value', async (t) => {
  const admin = await start(t);
  const cases = [
    ['{"blue":"90"}', ['blue'], '"90"'],
    ['{"blue":"5%"}', ['blue'], '"5%"'],
    ['{"blue":90,"green":-1}', ['green'], '-1'],
    ['{"blue":null}', ['blue'], 'null'],
    ['{"blue":true}', ['blue'], 'true'],
    ['{"blue":{"weight":1}}', ['blue'], '{"weight":1}'],
    ['{"blue":1e999}', ['blue'], 'Infinity'],
    ['{}', [], '{}'],
    ['[]', [], '[]'],
    ['[1,2]', [], '[1,2]'],
    ['null', [], 'null'],
    ['5', [], '5'],
    ['"blue"', [], '"blue"'],
    ['', [], '{}'],
  ] as const;
  for (const [body, path, value] of cases) {
    const answer = await admin.change('PUT', TRAFFIC, body);
    t.equal(answer.status, 400, body);
    const { code, message, details } = errorOf(answer);
    t.equal(code, 'invalid-request', body);
    t.match(details, [{ in: 'body', path, value }], body);
    t.ok(message.includes(value), message);
  }
  t.same(admin.operations.calls, []);
});

t.test('no key of a body can reach the prototype of objects', async (t) => {
  const admin = await start(t);
  for (const body of [
    '{"__proto__":5}',
    '{"blue":1,"__proto__":{"polluted":1}}',
    '{"\\u005f_proto__":{"polluted":1}}',
    '{"constructor":{"prototype":{"polluted":1}}}',
  ]) {
    const answer = await admin.change('PUT', TRAFFIC, body);
    t.equal(answer.status, 400, body);
    t.equal(errorOf(answer).code, 'bad-json', body);
  }
  for (const path of [FLIP, ROLLBACK, '/api/config/reload']) {
    t.equal((await admin.change('POST', path, '{"__proto__":{"verify":false}}')).status, 400, path);
  }
  t.same(admin.operations.calls, []);
  t.notOk('polluted' in {});
});

t.test('weights have no inherited keys, so a pool that is not named has no weight whatever it is called', async (t) => {
  const admin = await start(t);
  t.equal((await admin.change('PUT', TRAFFIC, '{"constructor":5,"blue":1}')).status, 200);
  const input = admin.operations.calls[0]!.input as Record<string, unknown>;
  t.equal(Object.getPrototypeOf(input), null);
  t.same(Object.entries(input), [
    ['constructor', 5],
    ['blue', 1],
  ]);
});

t.test('flip takes target, verification and reason, and has defaults for all', async (t) => {
  const admin = await start(t);
  const cases = [
    ['', { to: null, verify: true }, ''],
    [{}, { to: null, verify: true }, ''],
    [{ to: null }, { to: null, verify: true }, ''],
    [{ to: 'green' }, { to: 'green', verify: true }, ''],
    [{ to: 'green', verify: false, reason: 'release 2' }, { to: 'green', verify: false }, 'release 2'],
  ] as const;
  for (const [body, input, reason] of cases) {
    t.equal((await admin.change('POST', FLIP, body)).status, 200);
    t.match(admin.operations.calls.at(-1), { operation: 'flip', service: 'shop', input, instruction: { reason } });
  }
  const bad = [{ to: 5 }, { verify: 'no' }, { verfy: false }, { reason: 1 }, [], 'null'];
  for (const body of bad) t.equal((await admin.change('POST', FLIP, body)).status, 400, JSON.stringify(body));
  t.equal(admin.operations.calls.length, cases.length);
});

t.test('rollback takes a reason and nothing else', async (t) => {
  const admin = await start(t);
  t.equal((await admin.change('POST', ROLLBACK)).status, 200);
  t.equal((await admin.change('POST', ROLLBACK, { reason: 'errors' })).status, 200);
  t.same(
    admin.operations.calls.map(({ operation, instruction }) => [operation, instruction.reason]),
    [
      ['rollback', ''],
      ['rollback', 'errors'],
    ],
  );
  t.equal((await admin.change('POST', ROLLBACK, { to: 'blue' })).status, 400);
});

t.test('If-Match is the condition of every gate move, and one that is not understood is never dropped', async (t) => {
  const admin = await start(t);
  const moves = [
    ['PUT', TRAFFIC, { blue: 1 }],
    ['POST', FLIP, ''],
    ['POST', ROLLBACK, ''],
  ] as const;
  for (const [method, path, body] of moves) {
    t.equal((await admin.change(method, path, body, { 'If-Match': '"42"' })).status, 200);
    t.equal(admin.operations.calls.at(-1)!.instruction.ifEpoch, 42, path);
  }
  const made = admin.operations.calls.length;
  for (const [method, path, body] of moves) {
    for (const tag of ['42', '*', 'W/"42"', '"42", "43"', '"-1"', '"4 2"', '""', '"9999999999999999"', '"x"', '']) {
      const answer = await admin.change(method, path, body, { 'If-Match': tag });
      t.equal(answer.status, 400, `${path} ${tag}`);
      t.equal(errorOf(answer).code, 'bad-if-match', `${path} ${tag}`);
    }
  }
  t.equal(admin.operations.calls.length, made);
});

t.test('who and why come from headers, cleaned and cut to length; a reason in the body goes first', async (t) => {
  const admin = await start(t);
  const utf8 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
  const cases = [
    [{ 'X-Tidegate-By': 'deploy-bot' }, 'deploy-bot', ''],
    [{ 'X-Tidegate-By': utf8('Zoë 東京') }, 'Zoë 東京', ''],
    [{ 'X-Tidegate-By': `a\tb${utf8('\u202ec\u200b')}` }, 'abc', ''],
    [{ 'X-Tidegate-By': '   ' }, 'api', ''],
    [{ 'X-Tidegate-By': 'x'.repeat(500) }, 'x'.repeat(64), ''],
    [{ 'X-Tidegate-Reason': 'y'.repeat(500) }, 'api', 'y'.repeat(200)],
  ] as const;
  for (const [headers, by, reason] of cases) {
    t.equal((await admin.change('PUT', TRAFFIC, { blue: 1 }, headers)).status, 200);
    t.same(admin.operations.calls.at(-1)!.instruction, { by, reason, ifEpoch: null });
  }
  await admin.change('POST', ROLLBACK, { reason: 'body\u0000\n' }, { 'X-Tidegate-Reason': 'header' });
  t.equal(admin.operations.calls.at(-1)!.instruction.reason, 'body');
});

t.test('every refusal of the control plane has its status, on every gate move', async (t) => {
  const admin = await start(t);
  const moves = [
    ['PUT', TRAFFIC, { blue: 1 }],
    ['POST', FLIP, ''],
    ['POST', ROLLBACK, ''],
  ] as const;
  for (const [code, status] of Object.entries(REFUSAL_STATUS) as [Refusal['code'], number][]) {
    admin.operations.change = refusal(code, `because of ${code}`, { about: code });
    for (const [method, path, body] of moves) {
      const answer = await admin.change(method, path, body);
      t.equal(answer.status, status, code);
      t.same(errorOf(answer), { code, message: `because of ${code}`, details: { about: code } });
    }
  }
  admin.operations.change = refusal('stopping', 'Tidegate is stopping');
  t.equal(errorOf(await admin.change('POST', ROLLBACK)).details, null);
});

t.test('the statuses of refusals are the documented ones', async (t) => {
  t.same(REFUSAL_STATUS, {
    'unknown-service': 404,
    'unknown-pool': 404,
    'unknown-group': 404,
    'unknown-receipt': 404,
    'bad-weights': 400,
    'epoch-mismatch': 412,
    'no-healthy-endpoint': 409,
    'ambiguous-target': 409,
    'nothing-to-roll-back': 409,
    'no-active-pool': 409,
    'already-active': 409,
    'bad-plan': 400,
    'over-budget': 409,
    'bad-link': 404,
    'link-expired': 410,
    'link-used': 410,
    'link-stale': 409,
    'version-mismatch': 409,
    'no-rollout': 404,
    'bad-freeze': 400,
    'not-frozen': 409,
    'bad-flag': 400,
    'unknown-flag': 404,
    'too-many-flags': 409,
    'flag-in-file': 409,
    'flag-required': 409,
    resalt: 409,
    'revision-mismatch': 412,
    'not-killed': 409,
    'flag-killed': 409,
    'no-share': 409,
    'not-applied': 503,
    frozen: 409,
    'in-group': 409,
    'group-refused': 409,
    'waiting-for-group': 409,
    running: 409,
    'rolled-back-before': 409,
    ended: 409,
    verifying: 409,
    moving: 409,
    'rolling-back': 409,
    'not-paused': 409,
    'already-paused': 409,
    'not-awaiting-approval': 409,
    'config-rejected': 422,
    stopping: 503,
    'state-store': 500,
  });
});

t.test('a fault of ours is answered without its cause, which is in the log', async (t) => {
  const admin = await start(t);
  admin.operations.change = new Error('secret inner workings');
  const answer = await admin.change('POST', ROLLBACK);
  t.equal(answer.status, 500);
  t.equal(errorOf(answer).code, 'internal');
  t.notOk(answer.text.includes('secret'));
  t.match(admin.lines('err'), [{ level: 50, err: { message: 'secret inner workings' } }]);
});
