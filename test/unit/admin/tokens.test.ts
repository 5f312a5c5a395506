/** Named tokens and their roles, what is written down about them, and how guessing is slowed down. */
import t from 'tap';
import { Fault } from '../../../src/admin/fault.ts';
import { SLOW_DOWN, WrongTokens } from '../../../src/admin/wrong-tokens.ts';
import { errorOf, start } from './harness.ts';

const TOKENS = [
  { name: 'board', token: 'token-of-the-board', role: 'read' },
  { name: 'deploys', token: 'token-of-deploys', role: 'operate' },
  { name: 'constructor', token: 'token-of-constructor', role: 'operate' },
] as const;
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const FLIP = '/api/services/shop/flip';

t.test('a token that may read changes nothing, one that may operate does', async (t) => {
  const admin = await start(t, { tokens: TOKENS });
  const refused = await admin.change('POST', FLIP, '', bearer('token-of-the-board'));
  t.equal(refused.status, 403);
  t.equal(errorOf(refused).code, 'read-only');
  t.equal((await admin.change('POST', FLIP)).status, 401, 'without a token');
  t.strictSame(admin.operations.calls, []);
  t.equal((await admin.change('POST', FLIP, '', bearer('token-of-deploys'))).status, 200);
});

t.test('reads are open unless the config says that they need a token', async (t) => {
  const open = await start(t, { tokens: TOKENS });
  t.equal((await open.ask({ path: '/api/services' })).status, 200);
  const closed = await start(t, { tokens: TOKENS, readsNeedToken: true });
  for (const path of ['/api/services', '/api/config', '/api/openapi.json', '/api/events']) {
    t.equal((await closed.ask({ path })).status, 401, path);
    t.equal((await closed.ask({ path, headers: bearer('no-such-token') })).status, 401, path);
  }
  for (const { token } of TOKENS) {
    t.equal((await closed.ask({ path: '/api/services', headers: bearer(token) })).status, 200, token);
  }
  for (const path of ['/healthz', '/readyz', '/metrics']) t.equal((await closed.ask({ path })).status, 200, path);
});

t.test(
  "the token's name is in the instruction and in the audit line, before what the caller says of itself",
  async (t) => {
    const admin = await start(t, { token: 'the-nameless-one', tokens: TOKENS });
    const by = async (token: string, claimed?: string): Promise<unknown> => {
      const headers = claimed === undefined ? {} : { 'X-Tidegate-By': claimed };
      await admin.change('POST', FLIP, '', { ...bearer(token), ...headers });
      return admin.lines('audit').at(-1);
    };
    t.match(await by('token-of-deploys'), { by: 'deploys', token: 'deploys' });
    t.match(await by('token-of-deploys', 'board'), { by: 'deploys (board)', token: 'deploys' });
    t.match(await by('token-of-constructor'), { by: 'constructor', token: 'constructor' });
    t.match(await by('the-nameless-one', 'anna'), { by: 'anna', token: undefined });
    t.match(await by('token-of-the-board', 'anna'), { token: 'board', status: 403 });
    t.notOk(JSON.stringify(admin.logged).includes('token-of'));
  },
);

t.test('what the config says of tokens counts from the next call on', async (t) => {
  let access = { token: '', tokens: TOKENS.slice(0, 2), readsNeedToken: true, allowedHosts: [] };
  const admin = await start(t, { access: () => access });
  t.equal((await admin.ask({ path: '/api/services', headers: bearer('token-of-the-board') })).status, 200);
  access = { ...access, tokens: TOKENS.slice(1, 2) };
  t.equal((await admin.ask({ path: '/api/services', headers: bearer('token-of-the-board') })).status, 401);
});

t.test('each wrong token of an address is answered later, up to a limit, and quiet is forgotten', async (t) => {
  let nowMs = 0;
  const wrong = new WrongTokens(SLOW_DOWN, () => nowMs);
  const delays = Array.from({ length: 8 }, () => wrong.delayMs('192.0.2.1'));
  t.strictSame(delays, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  t.equal(wrong.delayMs('192.0.2.2'), 100, 'another address begins anew');
  wrong.delayMs('2001:db8::1');
  t.equal(wrong.delayMs('2001:db8::2'), 200, 'a /64 is one address');
  nowMs += SLOW_DOWN.forgetMs + 1;
  t.equal(wrong.delayMs('192.0.2.1'), 100);
});

t.test('the table of addresses has a limit', async (t) => {
  const wrong = new WrongTokens({ ...SLOW_DOWN, addressesMax: 2 }, () => 0);
  for (const address of ['a', 'b', 'a', 'c']) wrong.delayMs(address);
  t.equal(wrong.delayMs('a'), 400, 'who failed last is remembered');
  t.equal(wrong.delayMs('b'), 100, 'who failed longest ago is not');
});

t.test('a wrong token waits, a missing one does not, and too many that wait are turned away', async (t) => {
  const wrong = new WrongTokens({ ...SLOW_DOWN, firstMs: 1e6, mostMs: 1e6, waitingMax: 1 }, () => 0);
  const codes: string[] = [];
  const refusal = new Fault(401, 'unauthorized', '');
  const done = (fault: Fault) => void codes.push(fault.code);
  wrong.answer('a', refusal, true, done);
  t.strictSame(codes, []);
  wrong.answer('a', refusal, false, done);
  wrong.answer('a', refusal, true, done);
  t.strictSame(codes, ['unauthorized', 'too-many-failures']);
  wrong.close();
  t.strictSame(codes, ['unauthorized', 'too-many-failures', 'unauthorized'], 'nobody waits for the end of the process');
});

t.test('an admin API with a slow-down answers a right token at once while wrong ones wait', async (t) => {
  const admin = await start(t, { token: 'the-right-one', slowDown: { ...SLOW_DOWN, firstMs: 1e6, mostMs: 1e6 } });
  const waiting = await admin.connect();
  waiting.write(
    `POST ${FLIP} HTTP/1.1\r\nHost: ${admin.own}\r\nContent-Type: application/json\r\nAuthorization: Bearer wrong\r\nContent-Length: 0\r\n\r\n`,
  );
  let answered = false;
  waiting.once('data', () => {
    answered = true;
  });
  t.equal((await admin.change('POST', FLIP, '', bearer('the-right-one'))).status, 200);
  t.notOk(answered);
  waiting.destroy();
});

t.test('how soon a token is refused does not tell a guesser whether it was right', async (t) => {
  const slowDown = { ...SLOW_DOWN, firstMs: 1e6, mostMs: 1e6, waitingOfOneMax: 2 };
  const admin = await start(t, { token: 'the-right-one', tokens: TOKENS, slowDown });
  const guess = (token: string) => admin.change('POST', FLIP, '', bearer(token));
  t.equal((await guess('token-of-deploys')).status, 200, 'an operator has called from here before');
  const held = await Promise.all(Array.from({ length: 2 }, () => admin.connect()));
  for (const socket of held) {
    socket.write(
      `POST ${FLIP} HTTP/1.1\r\nHost: ${admin.own}\r\nContent-Type: application/json\r\nAuthorization: Bearer wrong\r\nContent-Length: 0\r\n\r\n`,
    );
  }
  let wrong = await guess('no-such-token');
  while (wrong.status !== 429) wrong = await guess('no-such-token');
  const right = await guess('the-right-one');
  const { date: _, ...headers } = right.headers;
  t.match(wrong, { status: right.status, text: right.text, headers }, 'a right token looks like a wrong one');
  t.equal(errorOf(await guess('token-of-the-board')).code, 'too-many-failures', 'so does one that may only read');
  t.equal((await guess('token-of-deploys')).status, 200, 'whose token was right from here before is not locked out');
  for (const socket of held) socket.destroy();
});

t.test(
  'the limit of waiting tokens is each address its own, and what was right is remembered up to a limit',
  async (t) => {
    const wrong = new WrongTokens(
      { ...SLOW_DOWN, firstMs: 1e6, mostMs: 1e6, waitingOfOneMax: 1, addressesMax: 2 },
      () => 0,
    );
    t.teardown(() => wrong.close());
    const refusal = new Fault(401, 'unauthorized', '');
    for (const name of ['first', 'second', 'third']) wrong.checkRight('192.0.2.1', name);
    wrong.answer('192.0.2.1', refusal, true, () => {});
    t.equal(wrong.checkRight('192.0.2.1', 'third'), null);
    t.equal(wrong.checkRight('192.0.2.1', 'first')?.status, 429, 'forgotten');
    t.equal(wrong.checkRight('192.0.2.2', 'first'), null, 'another address');
  },
);
