/**
 * The oracle of the chaos runs itself: every kind of bad answer is called by its name, so that a run without a finding
 * means something.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import t from 'tap';
import { accountOf, totalOf } from '../../chaos/account.ts';
import { contentOf, IDENTITY_FIELD, type Wish, wishOf } from '../../chaos/content.ts';
import type { Journal } from '../../chaos/endpoint.ts';
import { Load } from '../../chaos/load.ts';
import { randomOf } from '../../chaos/random.ts';
import { getsAreSavable, savableUnlessAt } from '../../chaos/savable.ts';
import type { Cleaning } from '../../scenario/stage/tidegate.ts';

type Answer = (socket: Socket, wish: Wish) => void;

/** Sends one request to a server that answers so, and gives the load that it came from. */
async function ask(t: Cleaning, answer: Answer, posts = 0): Promise<Load> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      const wish = wishOf(/^\w+ (\S+)/.exec(bytes.toString('latin1'))![1]!)!;
      answer(socket, wish);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const plan = { port, perSecond: 1000, posts, fresh: 1, bytesMax: 4000, paceMs: 0 };
  const load = new Load('test', plan, randomOf(1, 'test'));
  await load.run(0.001);
  await load.end();
  return load;
}

function whole(identity: string, body: Buffer, length = body.length): Buffer {
  const head = `HTTP/1.1 200 OK\r\n${IDENTITY_FIELD}: ${identity}\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

const right = ({ identity, bytes }: Wish): Buffer => contentOf('response', identity, bytes);

const cases: readonly (readonly [what: string, kind: string, answer: Answer])[] = [
  [
    "somebody else's answer",
    'wrong',
    (socket, wish) => socket.end(whole('other', right({ ...wish, identity: 'other' }))),
  ],
  [
    "somebody else's content under the right name",
    'wrong',
    (socket, wish) => socket.end(whole(wish.identity, right({ ...wish, identity: 'other' }))),
  ],
  [
    'an answer that was shortened to look whole',
    'wrong',
    (socket, wish) => socket.end(whole(wish.identity, right(wish).subarray(1))),
  ],
  [
    'an answer with one byte changed',
    'wrong',
    (socket, wish) => {
      const body = right(wish);
      body[body.length >> 1]! ^= 1;
      socket.end(whole(wish.identity, body));
    },
  ],
  [
    'an answer that ends early',
    'cut',
    (socket, wish) => socket.end(whole(wish.identity, right(wish).subarray(1), wish.bytes)),
  ],
  ['an answer that cannot be read', 'cut', (socket) => socket.end('HTTP/1.1 nonsense\r\n\r\n')],
  ['a connection that is closed', 'closed', (socket) => socket.end()],
  ['a connection that is reset', 'closed', (socket) => socket.resetAndDestroy()],
  [
    'an error',
    'status',
    (socket) => socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno'),
  ],
];

for (const [what, kind, answer] of cases) {
  t.test(`${what} is called ${kind}`, async (t) => {
    const load = await ask(t, answer);
    t.same(
      load.failures.map((failure) => failure.kind),
      [kind],
    );
    t.equal(load.counts.GET.answered, 0);
  });
}

t.test('the right answer is answered', async (t) => {
  const load = await ask(t, (socket, wish) => socket.end(whole(wish.identity, right(wish))));
  t.same(load.failures, []);
  t.same(load.counts.GET, { sent: 1, answered: 1 });
});

const journal = (arrived: readonly string[] = []): Journal => ({ arrived: new Set(arrived), twice: ['a'], wrong: [] });
const refuse: Answer = (socket) =>
  socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');

t.test('an error is lost where it could have been saved, and refused where not', async (t) => {
  const get = await ask(t, refuse);
  const post = await ask(t, refuse, 1);
  const verdict = (load: Load, savable: typeof getsAreSavable, known = journal()) =>
    totalOf(accountOf({ load, journal: known, savable, retried: null, p99Ms: 0 }));
  t.match(verdict(get, getsAreSavable), { lost: 1, refused: 0 });
  t.match(verdict(post, getsAreSavable), { lost: 0, refused: 1 });
  const never = savableUnlessAt(() => []);
  t.match(verdict(post, never), { lost: 1, refused: 0 }, 'a POST that nobody has seen, with no endpoint dying');
  t.match(verdict(post, never, journal(['test-1'])), { lost: 0, refused: 1 }, 'one that has arrived');
  const { startedMs } = post.failures[0]!;
  const dying = savableUnlessAt(() => [startedMs]);
  t.match(verdict(post, dying), { lost: 0, refused: 1 }, 'one that was under way when its endpoint died');
});

t.test('what endpoints have done twice, or got altered, is in the account', async (t) => {
  const load = await ask(t, (socket, wish) => socket.end(whole(wish.identity, right(wish))));
  const known = { arrived: new Set<string>(), twice: ['a', 'b'], wrong: ['c'] };
  const account = accountOf({ load, journal: known, savable: getsAreSavable, retried: null, p99Ms: 0 });
  t.equal(account.twice, 2);
  t.equal(account.posts.wrong, 1);
});
