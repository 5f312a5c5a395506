/**
 * Services that roll together, as people and CI jobs meet them: real processes, traffic, kill -9 in the middle, and what the
 * command line, the webhooks and the metrics say of it. One Tidegate for all of it.
 */
import t from 'tap';
import type { GroupView, RolloutView } from '../../src/control/operations.ts';
import { tidegate as cli } from '../unit/cli/tidegate.ts';
import { Load } from './stage/load.ts';
import { Receiver } from './stage/receiver.ts';
import { Side } from './stage/rollout-shop.ts';
import { type Cleaning, configFile, Tidegate } from './stage/tidegate.ts';
import { until } from './stage/until.ts';

const NAMES = ['shop', 'cart', 'mail'] as const;
type Name = (typeof NAMES)[number];

/** A rollout that is over as soon as each version has had some requests. */
const SHORT = ['--steps', '20%,100%', '--hold', '0s', '--bake', '0s', '--again'];

class Suite {
  tidegate!: Tidegate;
  readonly greens: Readonly<Record<Name, Side>>;
  readonly hook: Receiver;
  readonly gate: Receiver;
  readonly #file: string;
  /** The whole test, which outlives its parts. */
  readonly #t: Cleaning;

  private constructor(t: Cleaning, greens: Suite['greens'], hook: Receiver, gate: Receiver, file: string) {
    this.#t = t;
    this.greens = greens;
    this.hook = hook;
    this.gate = gate;
    this.#file = file;
  }

  static async open(t: Cleaning): Promise<Suite> {
    const side = (name: string, version: string): Promise<Side> => new Side(name, Math.random).open(t, version);
    const blue = await side('blue', 'v1');
    const greens = { shop: await side('shop', 'v2'), cart: await side('cart', 'v2'), mail: await side('mail', 'v2') };
    const [hook, gate] = [await Receiver.start(t), await Receiver.start(t)];
    const service = (name: Name): string[] => [
      `  ${name}:`,
      '    pools:',
      `      blue: { version: v1, endpoints: [${blue.upstream.address}] }`,
      `      green: { version: v2, endpoints: [${greens[name].upstream.address}] }`,
      '    traffic: blue',
      '    rollout:',
      '      group: suite',
      '      steps: [20%, 50%, 100%]',
      '      hold: 1h',
      '      bake: 1h',
      '      minRequests: 50',
      '      guard: { latency: off, warmUp: 0s, errors: { rate: 20% } }',
      ...(name === 'mail' ? [`      confirm: { url: ${gate.url}, timeout: 1h, interval: 100ms }`] : []),
    ];
    const lines = [
      'listeners: [{ name: web, address: 127.0.0.1:0 }]',
      'admin: { address: 127.0.0.1:0 }',
      'workers: 1',
      'overload: off',
      'state: state.db',
      'log: { access: off }',
      `notify: { webhooks: [{ name: chat, url: ${hook.url} }] }`,
      'services:',
      ...NAMES.flatMap(service),
      'routes:',
      ...NAMES.map((name) => `  - { path: /${name}, service: ${name} }`),
    ];
    const suite = new Suite(t, greens, hook, gate, await configFile(t, `${lines.join('\n')}\n`));
    await suite.begin();
    return suite;
  }

  /** Starts Tidegate, for the first time or again. */
  async begin(): Promise<void> {
    this.tidegate = await Tidegate.start(this.#t, this.#file);
  }

  run(...words: readonly string[]) {
    return cli([...words, '--admin', `http://127.0.0.1:${this.tidegate.admin.port}`]);
  }

  async view(): Promise<GroupView> {
    const { status, body } = await this.tidegate.admin.call<GroupView>('GET', '/api/groups/suite/rollout');
    if (status !== 200) throw new Error(JSON.stringify(body));
    return body;
  }

  async one(name: Name): Promise<RolloutView> {
    const { body } = await this.tidegate.admin.call<RolloutView>('GET', `/api/services/${name}/rollout`);
    return body;
  }

  async phases(): Promise<string[]> {
    return (await this.view()).rollouts.map(({ phase }) => phase);
  }

  /** Green's share of each service, by its gate. */
  async shares(): Promise<number[]> {
    const views = await Promise.all(NAMES.map((name) => this.tidegate.admin.service(name)));
    return views.map(({ traffic: { blue = 0, green = 0 } }) => green / (blue + green));
  }

  /** Resolves when all members are in this phase. */
  all(phase: string): Promise<true> {
    return until(`all are ${phase}`, async () => (await this.phases()).every((one) => one === phase));
  }
}

t.test('a group rolls together and back together', async (t) => {
  const suite = await Suite.open(t);
  // Every client asks all services in turn; only cart's bad version may fail.
  const load = new Load({
    port: suite.tidegate.port,
    clients: 3,
    keepAlive: true,
    make: (number) => ({ bytes: `GET /${NAMES[number % 3]} HTTP/1.1\r\nHost: suite\r\n\r\n` }),
    judge: ({ status }, number) => (status === 200 || NAMES[number % 3] === 'cart' ? null : `status ${status}`),
  });

  await t.test(
    'one service of it is not started alone by mistake, and nothing is when one of them cannot be',
    async (t) => {
      const alone = await suite.run('rollout', 'start', 'shop', '--to', 'green');
      t.same([alone.code, alone.out], [1, '']);
      t.match(alone.err, /belongs to the group suite: start that with --group suite/);
      await suite.tidegate.admin.flip('green', 'cart');
      const none = await suite.run('rollout', 'start', '--group', 'suite', '--to', 'green');
      t.equal(none.code, 1);
      t.match(none.err, /suite was not started: cart: green has the traffic of cart already/);
      const answer = await suite.tidegate.admin.call('GET', '/api/services/shop/rollout');
      t.equal(answer.status, 404, 'shop has not begun');
      await suite.tidegate.admin.flip('blue', 'cart');
      const both = await suite.run('rollout', 'start', 'shop', '--group', 'suite');
      t.equal(both.code, 2);
      t.equal((await suite.run('rollout', 'start', '--group', 'suit')).code, 1);
      const foretold = await suite.run('rollout', 'start', '--group', 'suite', '--to', 'green', '--dry-run');
      t.equal(foretold.code, 0, foretold.err);
      t.match(foretold.out, /shop {2}blue to green.*cart {2}blue to green.*mail {2}blue to green/s);
    },
  );

  await t.test('a good release of all is promoted with 0', async (t) => {
    const good = await suite.run('rollout', 'start', '--group', 'suite', '--to', 'green', '--wait', ...SHORT);
    t.equal(good.code, 0, good.out + good.err);
    t.match(good.out, /\nsuite: promoted: shop, cart, mail: all are promoted\n$/);
    t.match(good.out, /\nshop {2}\d\d:\d\d:\d\dZ /);
    t.same(await suite.shares(), [1, 1, 1]);
    const begun = await suite.hook.message('it began', ({ what, service }) => what === 'started' && service === 'cart');
    t.match(begun, { text: /together with shop, mail/, rollout: { group: 'suite' } });
  });

  await t.test('within keep, one that goes back takes the others back', async (t) => {
    await suite.tidegate.admin.rollback('mail');
    await until('all are back', async () => (await suite.shares()).every((share) => share === 0));
    const status = await suite.run('rollout', 'status', '--group', 'suite');
    t.equal(status.code, 1);
    t.match(status.out, /mail was taken back after its success/);
    t.match((await suite.run('rollout', 'history', 'shop')).out, /afterwards taken back with mail: rolled back by api/);
    await suite.hook.message('shop went back', ({ text }) => text === 'shop: taken back with mail: rolled back by api');
  });

  await t.test('one bad version takes all back, and the reason is the last line, with 1', async (t) => {
    suite.greens.cart.failing = 0.5;
    const bad = await suite.run(
      'rollout',
      'start',
      '--group',
      'suite',
      '--to',
      'green',
      '--wait',
      ...SHORT,
      '--hold',
      '1h',
    );
    t.equal(bad.code, 1, bad.out + bad.err);
    t.match(bad.out, /\nshop: rollout \d+ to green \(v2\) rolled back: taken back with cart: worse: .*\n/);
    t.match(bad.out, /\nsuite: not promoted: cart rolled back: worse: \d+ of \d+ on green failed.*\n$/);
    t.same(await suite.shares(), [0, 0, 0]);
    const metrics = await suite.tidegate.admin.metrics();
    // The one before was within keep.
    t.equal(metrics.sum('tidegate_rollouts_taken_along_total', { service: 'shop' }), 2);
    t.equal(metrics.sum('tidegate_rollouts_taken_along_total', { service: 'cart' }), 1);
    suite.greens.cart.failing = 0;
    await suite.hook.message(
      'mail went back',
      ({ text, what }) => what === 'ended' && /^mail: taken back with cart: worse/.test(text),
    );
    const again = await suite.run('rollout', 'start', '--group', 'suite', '--to', 'green');
    t.match(again.err, /not started: cart: v2 was rolled back the last time/, 'and cart alone asks for --again');
    t.notMatch(again.err, /shop:/);
  });

  await load.stop();
  t.same(load.failures, [], 'no client has lost anything');

  await t.test('who is ready waits, and is seen to; a kill keeps all of it', async (t) => {
    const started = await suite.run('rollout', 'start', '--group', 'suite', '--to', 'green', '--again');
    t.equal(started.code, 0, started.err);
    await suite.all('holding');
    suite.gate.answer = (res) => res.writeHead(503).end('not yet');
    for (const name of ['mail', 'shop'] as const) t.equal((await suite.run('rollout', 'promote', name)).code, 0);
    await until('mail is asked about', async () => /not yet/.test((await suite.one('mail')).confirmation?.why ?? ''));
    t.match(
      (await suite.run('rollout', 'status', 'mail')).out,
      /confirm +step 2 waits: status 503, it said "not yet"; .* left/,
    );
    t.match((await suite.run('rollout', 'status', 'shop')).out, /waits +for cart \(holding, .*mail \(stepping/);
    t.match((await suite.run('rollout', 'status', '--group', 'suite')).out, /shop .*waits for cart, mail/);
    t.match(await suite.run('rollout', 'promote', 'shop'), { code: 1, err: /waits for the others of its group/ });
    const waits = (await suite.tidegate.admin.metrics()).sum('tidegate_rollout_waits_for', { service: 'shop' });
    t.equal(waits, 2);
    const { leftMs } = await until('a second is over', async () => {
      const { confirmation } = await suite.one('mail');
      return confirmation !== null && confirmation.leftMs < 3_600_000 - 2_000 && confirmation;
    });
    await suite.tidegate.kill();

    await suite.begin();
    const after = await until('mail is asked about again', async () => (await suite.one('mail')).confirmation);
    t.ok(after.leftMs <= leftMs + 1_100, `${after.leftMs} of ${leftMs}: the time goes on where it was`);
    t.same(
      (await suite.one('shop')).group?.waitsFor.map(({ service }) => service),
      ['cart', 'mail'],
    );
    t.same(await suite.shares(), [0.2, 0.2, 0.2]);
    suite.gate.answer = (res) => res.writeHead(204).end();
    await until('mail has joined', async () => (await suite.one('mail')).group?.waitsFor[0]?.service === 'cart');
    t.same(await suite.shares(), [0.2, 0.2, 0.2]);
    t.equal((await suite.run('rollout', 'promote', '--group', 'suite')).code, 0);
    await suite.all('holding');
    t.same(await suite.shares(), [0.5, 0.5, 0.5]);
  });

  await t.test(
    'a member that is moved by hand leaves the others to a person, who takes them back together',
    async (t) => {
      await suite.tidegate.admin.traffic({ blue: 10, green: 90 }, 'cart');
      t.match((await suite.view()).rollouts, [{ pausedBy: 'group' }, { phase: 'superseded' }, { pausedBy: 'group' }]);
      t.match((await suite.one('shop')).reason, /cart has left the group: moved by api/);
      const aborted = await suite.run('rollout', 'abort', '--group', 'suite', '--reason', 'enough');
      t.equal(aborted.code, 0, aborted.err);
      await until('both are back', async () => (await suite.view()).hasEnded);
      t.same(await suite.shares(), [0, 0.9, 0]);
    },
  );
});
