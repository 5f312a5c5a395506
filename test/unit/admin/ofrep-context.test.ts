import t from 'tap';
import { OfrepContext, readContext } from '../../../src/admin/ofrep-context.ts';

const LIMITS = { bodyBytes: 65_536, attributes: 8, depth: 5 };
const read = (body: string | Buffer) => readContext(Buffer.from(body as string), LIMITS);

function contextOf(body: string): OfrepContext {
  const context = read(body);
  if (!(context instanceof OfrepContext)) throw new Error(`${body}: ${context.details}`);
  return context;
}

t.test('no body, no context and no targeting key are a context without a key', async (t) => {
  for (const body of ['', '{}', '{"context":{}}', '{"context":null}', '{"context":{"targetingKey":null}}']) {
    t.equal(contextOf(body).key, undefined, body);
  }
  t.equal(
    contextOf('{"context":{"targetingKey":""}}').key,
    undefined,
    'an empty key is none: all would share its bucket',
  );
  t.equal(contextOf('{"context":{"targetingKey":"älice"}}').key, 'älice');
});

t.test('what cannot be a context is refused with the code that says why', async (t) => {
  const cases: readonly (readonly [body: string | Buffer, errorCode: string, details: RegExp])[] = [
    ['{', 'PARSE_ERROR', /not valid JSON/],
    ['null', 'PARSE_ERROR', /must be an object/],
    ['[]', 'PARSE_ERROR', /must be an object/],
    ['"alice"', 'PARSE_ERROR', /must be an object/],
    [Buffer.from([0x7b, 0xff, 0x7d]), 'PARSE_ERROR', /UTF-8/],
    [`${'['.repeat(30_000)}`, 'PARSE_ERROR', /not valid JSON/],
    ['{"context":[]}', 'INVALID_CONTEXT', /must be an object/],
    ['{"context":"alice"}', 'INVALID_CONTEXT', /must be an object/],
    ['{"context":{"targetingKey":7}}', 'INVALID_CONTEXT', /must be a text/],
    ['{"context":{"targetingKey":["a"]}}', 'INVALID_CONTEXT', /must be a text/],
    ['{"context":{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9}}', 'INVALID_CONTEXT', /more than 8 values/],
    ['{"context":{"a":[1,2,3,4,5,6,7,8]}}', 'INVALID_CONTEXT', /more than 8 values/],
    ['{"context":{"a":{"b":{"c":{"d":{"e":[]}}}}}}', 'INVALID_CONTEXT', /more than 5 levels/],
  ];
  for (const [body, errorCode, details] of cases) {
    t.match(read(body), { status: 400, errorCode, details }, String(body).slice(0, 60));
  }
  t.ok(contextOf('{"context":{"a":{"b":{"c":{"d":[1]}}},"e":[2]}}'), 'what is just within the limits is taken');
});

t.test('attributes are own members, whatever they are called', async (t) => {
  const context = contextOf('{"context":{"plan":"pro","__proto__":{"admin":true}}}');
  t.equal(context.attribute('plan'), 'pro');
  t.same(context.attribute('__proto__'), { admin: true }, 'a name that clients send is a name like any other');
  for (const name of ['admin', 'constructor', 'toString', 'hasOwnProperty']) {
    t.equal(context.attribute(name), undefined, name);
  }
});

t.test('contexts that say the same have the same canonical text, and others have not', async (t) => {
  const same = [
    '{"context":{"targetingKey":"alice","nested":{"a":1,"b":[1,{"c":null,"d":"x"}]}}}',
    '{"other":1,"context":{"nested":{"b":[1,{"d":"x","c":null}],"a":1.0},"targetingKey":"alice"}}',
  ];
  t.equal(new Set(same.map((body) => contextOf(body).canonical())).size, 1);
  const different = [
    '{}',
    '{"context":{"a":"1"}}',
    '{"context":{"a":1}}',
    '{"context":{"a":[1]}}',
    '{"context":{"a":{}}}',
  ];
  t.equal(new Set(different.map((body) => contextOf(body).canonical())).size, different.length);
});
