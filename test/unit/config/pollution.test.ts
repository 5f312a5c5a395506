/** Names that every object has (`__proto__`, `constructor`) are names like others, or refused; nothing is reached by them. */
import t from 'tap';
import { accept, read, SMALL } from './texts.ts';

const NAMES = ['constructor', 'prototype', 'valueof', 'tostring', 'hasownproperty'];
const CRYPT = '$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5';

t.test('services, pools, routes, users and tokens may be called like that', async (t) => {
  for (const name of NAMES) {
    const config = accept(`listeners: [{ name: ${name}, address: 127.0.0.1:8080 }]
admin: { tokens: [{ name: ${name}, token: 12345678x, role: read }] }
services:
  ${name}:
    pools:
      ${name}: { version: ${name}, endpoints: [127.0.0.1:1], requestHeaders: { set: { ${name}: a }, add: { ${name}: b } } }
      other: { version: v, endpoints: [127.0.0.1:2] }
    traffic: { ${name}: 1 }
routes:
  - name: ${name}
    service: ${name}
    headers: { ${name}: a }
    query: { ${name}: a }
    cookies: { ${name}: a }
    rateLimit: { requests: 1, header: ${name} }
    basicAuth: { users: [{ name: ${name}, password: ${CRYPT} }] }
`);
    const service = config.services.get(name)!;
    t.strictSame([...service.pools.keys()], [name, 'other']);
    t.strictSame(Object.entries(service.traffic), [
      [name, 1],
      ['other', 0],
    ]);
    t.strictSame(config.routes[0]!.headers, [{ name, match: { kind: 'exact', value: 'a' } }]);
  }
});

t.test('__proto__ is refused wherever a key may be chosen', async (t) => {
  const rows = [
    SMALL.replace('  shop:', '  __proto__:'),
    SMALL.replace('blue:', '__proto__:'),
    SMALL.replace('{ service: shop }', '{ service: shop, headers: { __proto__: a } }'),
    SMALL.replace('{ service: shop }', '{ service: shop, query: { __proto__: { polluted: x } } }'),
    SMALL.replace('{ service: shop }', '{ service: shop, requestHeaders: { set: { __proto__: a } } }'),
    `${SMALL}__proto__: { polluted: true }\n`,
    `${SMALL}admin: { __proto__: { token: x } }\n`,
  ];
  for (const text of rows) t.equal(read(text).config, undefined, text);
});

t.test('a service that is not there is not found by the name of a property', async (t) => {
  for (const name of ['constructor', '__proto__', 'toString']) {
    t.equal(read(SMALL.replace('{ service: shop }', `{ service: ${name} }`)).config, undefined, name);
  }
});

t.test('no property of every object is a variable of the environment', async (t) => {
  for (const name of [...NAMES, '__proto__', 'toString']) {
    const text = SMALL.replace('v1.0', `\${${name}}`);
    t.match(read(text).problems, [{ severity: 'error' }], name);
    const service = accept(text.replace(name, `${name}:-v9`)).services.get('shop');
    t.equal(service?.pools.get('blue')?.version, 'v9', name);
  }
});

t.test('after all of this, objects have what they had', async (t) => {
  const plain: Record<string, unknown> = {};
  t.equal(plain.polluted, undefined);
  t.strictSame(Object.keys(Object.prototype), []);
});
