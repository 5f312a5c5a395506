/** Fields that concern one connection end there, in both directions; what the next one needs is written anew. */
import t from 'tap';
import { forwarded, GET, masked, OK_RELAYED } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';
import { type RefusalRow, testForwards, testRefusals } from './stage/tables.ts';

let rig: Rig;
t.before(async () => {
  rig = await Rig.start(t);
});

const after = (fields: string) => `GET / HTTP/1.1\r\nHost: app.test\r\n${fields}\r\n`;

testForwards(t, () => rig, [
  ...[
    'Keep-Alive: timeout=5',
    'Proxy-Connection: keep-alive',
    'Trailer: X-A',
    'Upgrade: foo',
    'Proxy-Authorization: Basic eA==',
    'Proxy-Authenticate: Basic',
    'TE: gzip',
    'Connection: keep-alive',
    'connection:',
  ].map(
    (line) =>
      [
        `${line} of a request goes no further`,
        after(`X-A: b\r\n${line}\r\nX-C: d\r\n`),
        forwarded({ lines: 'X-A: b\r\nX-C: d\r\n' }),
      ] as const,
  ),
  ['Connection: close of a request goes no further', after('Connection: close\r\n'), forwarded({})],
  [
    'fields that Connection names go no further, wherever they stand and whatever their case',
    after(
      'x-one: 1\r\nConnection: X-One, keep-alive, x-two\r\nX-TWO: 2\r\nX-Three: 3\r\nx-One: 4\r\nConnection: x-four\r\nX-Four: 5\r\n',
    ),
    forwarded({ lines: 'X-Three: 3\r\n' }),
  ],
  [
    'TE: trailers is kept and written anew',
    after('TE: gzip, Trailers\r\nConnection: TE\r\n'),
    forwarded({ last: 'Connection: TE\r\nTE: trailers\r\n' }),
  ],
  [
    'Via is appended to',
    after('Via: 1.0 first, 1.1 second\r\nVia: 1.1 third\r\n'),
    forwarded({}).replace('Via: 1.1', 'Via: 1.0 first, 1.1 second, 1.1 third, 1.1'),
  ],
  [
    'a request that has been here once is forwarded',
    after('Via: 1.1 tidegate\r\n'),
    forwarded({}).replace('Via: 1.1', 'Via: 1.1 tidegate, 1.1'),
  ],
]);

const PROTECTED = [
  'Host',
  'Content-Length',
  'Transfer-Encoding',
  'Authorization',
  'Cookie',
  'X-Forwarded-For',
  'X-Forwarded-Proto',
  'X-Forwarded-Host',
  'X-Forwarded-Port',
  'Forwarded',
  'Via',
];
testRefusals(t, () => rig, [
  ...PROTECTED.map(
    (name): RefusalRow => [
      `a Connection that names ${name} is refused`,
      after(`Connection: close, ${name}\r\n`),
      400,
      'connection-names-protected-field',
    ],
  ),
  ['a Connection with something that is no name is refused', after('Connection: a b\r\n'), 400, 'connection-malformed'],
  [
    'a request that has been here twice is refused',
    after('Via: 1.1 tidegate, 1.1 other\r\nVia: 1.1 TIDEGATE (x)\r\n'),
    508,
    'forwarding-loop',
  ],
]);

const answers: readonly (readonly [title: string, sent: string, relayed: string])[] = [
  ...[
    'Keep-Alive: timeout=5',
    'Proxy-Connection: keep-alive',
    'TE: trailers',
    'Upgrade: h2c',
    'Proxy-Authenticate: Basic',
    'Proxy-Authorization: x',
    'Connection: keep-alive',
    'Trailer: X-A',
  ].map(
    (line) =>
      [
        `${line} of a response goes no further`,
        `HTTP/1.1 200 OK\r\nX-A: b\r\n${line}\r\nX-C: d\r\nContent-Length: 2\r\n\r\nok`,
        'HTTP/1.1 200 OK\r\nX-A: b\r\nX-C: d\r\nContent-Length: 2\r\nVia: 1.1 tidegate\r\n\r\nok',
      ] as const,
  ),
  [
    'Connection: close of a response ends the connection to the endpoint and not the one to the client',
    'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
    OK_RELAYED,
  ],
  [
    'fields that Connection names in a response go no further',
    'HTTP/1.1 200 OK\r\nX-One: 1\r\nConnection: x-one\r\nx-ONE: 2\r\nContent-Length: 2\r\n\r\nok',
    OK_RELAYED,
  ],
  [
    'the order, the case and the bytes of response fields stay as sent',
    'HTTP/1.1 200 \xc9h bien\r\nx-B:1\r\nX-a:  caf\xc3\xa9\t\r\nX_C: d\r\nx-b: 2\r\nServer: s\r\nDate: x\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 \xc9h bien\r\nx-B:1\r\nX-a:  caf\xc3\xa9\t\r\nX_C: d\r\nx-b: 2\r\nServer: s\r\nDate: x\r\nContent-Length: 2\r\nVia: 1.1 tidegate\r\n\r\nok',
  ],
  [
    'Via of a response is appended to',
    'HTTP/1.1 200 OK\r\nVia: 1.1 a\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nVia: 1.1 a, 1.1 tidegate\r\n\r\nok',
  ],
  [
    '426 keeps its Upgrade, or it would not say to what',
    'HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\nVia: 1.1 tidegate\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nok',
  ],
];
for (const [title, sent, relayed] of answers) {
  t.test(title, async (t) => {
    rig.upstream.answer(sent);
    const client = await rig.client();
    for (let round = 1; round <= 2; round++) {
      client.send(GET);
      await client.until('the answer', (text) => masked(text).length >= relayed.length * round);
    }
    t.equal(masked(client.received), relayed + relayed);
    rig.upstream.answerOk();
  });
}
