/** What is read of a request for flags, and when. */
import { createSigner } from 'fast-jwt';
import t from 'tap';
import type { FlagContextSpec } from '../../../src/flags/context-spec.ts';
import { parseRequestHead, type RequestHead } from '../../../src/http1/request-head.ts';
import { RequestContext } from '../../../src/proxy/flag-context.ts';
import { createFlagTallyMemory, FlagTallyWriter, readFlagTally } from '../../../src/stats/flag-tally.ts';

const SECRET = 'a-secret-for-tokens-of-this-test';
const tally = createFlagTallyMemory(1);
const SPEC: FlagContextSpec = {
  key: [
    { kind: 'jwt', name: 'sub' },
    { kind: 'header', name: 'x-user' },
  ],
  attributes: [
    ['age', { kind: 'query', name: 'age', as: 'number' }],
    ['beta', { kind: 'header', name: 'x-beta', as: 'boolean' }],
    ['roles', { kind: 'jwt', name: 'roles', as: 'text' }],
    ['level', { kind: 'jwt', name: 'level', as: 'number' }],
    ['constructor', { kind: 'jwt', name: 'constructor', as: 'text' }],
  ],
  token: {
    from: { kind: 'header', name: 'authorization' },
    verify: { key: SECRET, algorithms: ['HS256'], issuer: null, audience: null },
  },
  anonymous: { cookie: 'id', maxAgeS: 60 },
  overrides: null,
  headerBytes: 4096,
  baggage: false,
  exposures: null,
  tally,
};

/** A request, and how often it has been looked into. */
function requestOf(target: string, ...lines: string[]): { readonly head: RequestHead; readonly looks: string[] } {
  const text = `GET ${target} HTTP/1.1\r\nHost: app.test\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
  const head = parseRequestHead(text, { targetBytes: 4096, fields: 32 }) as RequestHead;
  const looks: string[] = [];
  const { field } = head;
  Object.defineProperty(head, 'field', {
    value: (name: string) => {
      looks.push(name);
      return field.call(head, name);
    },
  });
  return { head, looks };
}

const context = new RequestContext(SPEC, new FlagTallyWriter(tally, 0));
const begin = (head: RequestHead, client: string): void => context.begin(head, head, client);

t.test('nothing is read before it is asked for, and the key and the token once', async (t) => {
  const token = createSigner({ key: SECRET, algorithm: 'HS256' })({ level: 7, roles: ['a'] });
  const { head, looks } = requestOf('/?age=30', `Authorization: Bearer ${token}`, 'X-User: alice');
  begin(head, '192.0.2.1');
  t.equal(context.attribute('method'), 'GET');
  t.equal(context.attribute('host'), 'app.test');
  t.equal(context.attribute('path'), '/');
  t.equal(context.attribute('ip'), '192.0.2.1');
  t.equal(context.attribute('age'), 30);
  t.equal(context.attribute('unknown'), undefined);
  t.strictSame(looks, []);
  t.equal(context.key, 'alice');
  t.equal(context.attribute('targetingKey'), 'alice');
  t.equal(context.attribute('level'), 7, 'a claim keeps its type');
  t.strictSame(context.attribute('roles'), ['a']);
  t.equal(context.attribute('constructor'), undefined, 'what every object has is no claim');
  t.strictSame(looks, ['authorization', 'x-user']);
});

t.test('the next request has nothing of the one before', async (t) => {
  begin(requestOf('/', 'X-User: alice').head, '');
  t.equal(context.key, 'alice');
  begin(requestOf('/', 'Cookie: id=visitor').head, '');
  t.equal(context.key, 'visitor', 'an anonymous visitor comes back');
  t.equal(context.attribute('ip'), undefined);
  begin(requestOf('/').head, '');
  t.equal(context.key, undefined);
  context.giveKey('new');
  t.equal(context.key, 'new');
  begin(requestOf('/').head, '');
  t.equal(context.key, undefined);
});

t.test('a text that is no number or truth value is not there', async (t) => {
  for (const [text, number] of [
    ['7', 7],
    ['-1.5', -1.5],
    ['1e3', 1000],
    ['', undefined],
    ['0x10', undefined],
    ['7a', undefined],
    ['NaN', undefined],
  ] as const) {
    begin(requestOf(`/?age=${text}`).head, '');
    t.equal(context.attribute('age'), number, text);
  }
  for (const [text, truth] of [
    ['true', true],
    ['1', true],
    ['false', false],
    ['0', false],
    ['yes', undefined],
  ] as const) {
    begin(requestOf('/', `X-Beta: ${text}`).head, '');
    t.equal(context.attribute('beta'), truth, text);
  }
});

t.test('a path is the one that routes are matched by', async (t) => {
  begin(requestOf('/a/%7Eb/./c/../d?x').head, '');
  t.equal(context.attribute('path'), '/a/~b/d');
});

t.test('a refused token is looked at once in a request, and counted once', async (t) => {
  const before = readFlagTally(tally)['token-refused'];
  begin(requestOf('/', 'Authorization: Bearer a.b.c').head, '');
  t.equal(context.key, undefined);
  t.equal(context.attribute('level'), undefined);
  t.equal(readFlagTally(tally)['token-refused'] - before, 1);
});
