/**
 * Everything changes at once and nobody may notice: traffic is flipped and the config reloaded again and again, under
 * requests on kept and on new connections, uploads, and WebSockets that last and that come and go.
 *
 * Two services. `shop` is flipped, and each reload changes something of it or of what all share; `kept` and its route never
 * change. The account says what became of every request, and whether a pool has answered at a time when it could not have
 * been its turn: a request that left after a flip was answered and came back before the next began has one pool only.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { clockUs } from './clock.ts';
import { type Cleaning, startTidegate, type Tidegate } from './tidegate.ts';
import { until } from './until.ts';

/** How much happens. */
export interface UpheavalPlan {
  readonly flips: number;
  readonly reloads: number;
  /** Clients of each kind: four kinds of requests, and two of WebSockets that last. */
  readonly clients: number;
  /** Requests that are answered between two flips, so that each is put to the test. */
  readonly between: number;
}

/** What has become of it. */
export interface UpheavalAccount {
  readonly flips: number;
  readonly reloads: number;
  readonly seconds: number;
  readonly sent: number;
  readonly answered: number;
  /** Requests that ended otherwise than with a whole answer of status 200. */
  readonly lost: number;
  /** Whole answers that were not the ones that were asked for, uploads that arrived altered among them. */
  readonly wrong: number;
  /** Whole answers of the pool whose turn it could not have been. */
  readonly misrouted: number;
  readonly uploads: number;
  readonly sockets: SocketAccount;
  /** Exchanges that receipts call lost, and ended by drains. */
  readonly receiptsLost: number;
  /** What went wrong, in words; the first of it. */
  readonly reasons: readonly string[];
}

/** WebSockets: those that last, their echoes, those that came and went; wrong echoes, and those that were closed on them. */
export interface SocketAccount {
  readonly opened: number;
  readonly alive: number;
  readonly echoes: number;
  readonly brief: number;
  readonly wrong: number;
  readonly lost: number;
}

interface Served {
  readonly startedUs: readonly number[];
  readonly endedUs: readonly number[];
  readonly onGreen: readonly boolean[];
}

export type ThreadOrder =
  | { readonly kind: 'begin'; readonly port: number; readonly clients: number }
  | { readonly kind: 'answered' }
  | { readonly kind: 'end' };

export type ThreadReport =
  | { readonly kind: 'ready'; readonly blue: string; readonly green: string; readonly kept: string }
  | { readonly kind: 'begun' }
  | { readonly kind: 'answered'; readonly count: number }
  | { readonly kind: 'broken'; readonly message: string }
  | ({ readonly kind: 'account'; readonly served: Served } & Pick<
      UpheavalAccount,
      'sent' | 'answered' | 'lost' | 'wrong' | 'uploads' | 'sockets' | 'reasons'
    >);

type Sides = Extract<ThreadReport, { kind: 'ready' }>;

/** What a reload may change; each is there for one reload and gone with the next. */
interface Change {
  readonly service?: string;
  readonly side?: string;
  readonly route?: string;
  readonly shop?: string;
  readonly listener?: string;
  readonly top?: string;
  readonly hasIdleEndpoint?: boolean;
}

const CHANGES: readonly Change[] = [
  { route: '{ name: new, path: /new, service: shop }' },
  { service: 'timeouts: { connect: 3s, response: 20s, idle: 4m, queue: 4s }' },
  { listener: 'timeouts: { head: 9s, keepAlive: 70s }' },
  { side: 'drain: { after: 0s, perSecond: 1000 }' },
  { top: 'limits: { body: 1MiB, fields: 100 }' },
  { service: 'ejection: { consecutiveFailures: 50 }' },
  { shop: 'responseHeaders: { set: { x-changed: yes } }' },
  { listener: 'trustedProxies: [10.0.0.0/8]' },
  { service: 'limits: { connections: 200, queue: 2000 }' },
  { hasIdleEndpoint: true },
  { service: 'health: { path: /healthz, interval: 1s }' },
  { service: 'drain: { after: 10m, perSecond: 5 }' },
  { service: 'versionHeader: x-version' },
  { listener: 'connections: 5000' },
  { service: 'slowStart: 1s' },
  { shop: 'requestHeaders: { add: { x-more: yes } }' },
  { service: 'keepAlive: { idle: 5s }' },
  { top: 'log: { level: info, access: off }' },
];

/** The config with one change of many; the file never says where traffic stands anew. */
function configWith({ blue, green, kept }: Sides, change: Change, number: number): string {
  // An endpoint that nobody answers at is there with weight 0: it comes and goes, and gets nothing.
  const more = change.hasIdleEndpoint !== true ? '' : ', { address: 127.0.0.1:9, weight: 0 }';
  const lines = [
    `# ${number}`,
    'listeners:',
    '  - name: web',
    '    address: 127.0.0.1:0',
    ...optional('    ', change.listener),
    'admin: { address: 127.0.0.1:0 }',
    'workers: 2',
    'overload: off',
    'state: state.db',
    ...optional('', change.top),
    'services:',
    '  shop:',
    '    pools:',
    `      blue: { version: v1, endpoints: [${blue}${more}] }`,
    `      green: { version: v2, endpoints: [${green}] }`,
    '    traffic: blue',
    ...optional('    ', change.service),
    '  kept:',
    `    pools: { only: { version: v1, endpoints: [${kept}] } }`,
    ...(change.side === undefined
      ? []
      : ['  side:', '    pools: { only: { version: v1, endpoints: [127.0.0.1:9] } }', `    ${change.side}`]),
    'routes:',
    '  - { name: kept, path: /kept, service: kept }',
    ...optional('  - ', change.route),
    `  - { name: shop, path: /shop, service: shop${change.shop === undefined ? '' : `, ${change.shop}`} }`,
  ];
  return `${lines.join('\n')}\n`;
}

function optional(before: string, line: string | undefined): string[] {
  return line === undefined ? [] : [before + line];
}

class Thread {
  readonly #worker: Worker;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** Gives an order and its answer; orders from two sides take turns. */
  ask<Kind extends ThreadReport['kind']>(order: ThreadOrder): Promise<Extract<ThreadReport, { kind: Kind }>> {
    const answer = this.#turn.then(async () => {
      this.#worker.postMessage(order);
      const [report] = (await once(this.#worker, 'message')) as [ThreadReport];
      if (report.kind === 'broken') throw new Error(report.message);
      return report as Extract<ThreadReport, { kind: Kind }>;
    });
    this.#turn = answer.catch(() => {});
    return answer;
  }

  /** Resolves when so many more requests have been answered. */
  async answers(count: number): Promise<void> {
    const now = async (): Promise<number> => (await this.ask<'answered'>({ kind: 'answered' })).count;
    const wanted = (await now()) + count;
    await until(`${count} more requests are answered`, async () => (await now()) >= wanted, 60_000);
  }
}

interface Flip {
  readonly toGreen: boolean;
  readonly epoch: number;
  readonly beganUs: number;
  readonly answeredUs: number;
}

/** Carries it out with processes of its own, and gives the account. */
export async function upheaval(cleaning: Cleaning, plan: UpheavalPlan): Promise<UpheavalAccount> {
  const worker = new Worker(new URL('./upheaval-thread.ts', import.meta.url));
  cleaning.teardown(() => worker.terminate());
  const [sides] = (await once(worker, 'message')) as [Sides];
  const thread = new Thread(worker);
  const tidegate = await startTidegate(cleaning, configWith(sides, {}, 0));
  await thread.ask<'begun'>({ kind: 'begin', port: tidegate.port, clients: plan.clients });
  await thread.answers(plan.between);

  const startedAt = performance.now();
  const flips: Flip[] = [{ toGreen: false, epoch: 0, beganUs: 0, answeredUs: 0 }];
  await Promise.all([flipOften(tidegate, thread, plan, flips), reloadOften(tidegate, thread, plan, sides)]);
  const seconds = (performance.now() - startedAt) / 1000;
  const { served, kind: _, ...account } = await thread.ask<'account'>({ kind: 'end' });
  return {
    flips: plan.flips,
    reloads: plan.reloads,
    seconds: Math.round(seconds),
    ...account,
    misrouted: misrouted(flips, served),
    receiptsLost: await receiptsLost(tidegate, flips),
  };
}

async function flipOften(tidegate: Tidegate, thread: Thread, plan: UpheavalPlan, flips: Flip[]): Promise<void> {
  for (let index = 0; index < plan.flips; index++) {
    const toGreen = index % 2 === 0;
    const beganUs = clockUs();
    const { epoch } = await tidegate.admin.flip(toGreen ? 'green' : 'blue');
    flips.push({ toGreen, epoch, beganUs, answeredUs: clockUs() });
    await thread.answers(plan.between);
  }
}

async function reloadOften(tidegate: Tidegate, thread: Thread, plan: UpheavalPlan, sides: Sides): Promise<void> {
  for (let index = 0; index < plan.reloads; index++) {
    const from = tidegate.lines.length;
    const change = index === plan.reloads - 1 ? {} : CHANGES[index % CHANGES.length]!;
    await tidegate.save(configWith(sides, change, index + 1));
    const { msg } = await tidegate.line('a reload is over', ({ msg }) => msg?.startsWith('config ') === true, from);
    if (msg?.startsWith('config applied') !== true) throw new Error(`reload ${index}: ${msg}`);
    await thread.answers(10);
  }
}

/** Answers of a pool that could not have been asked: it had no traffic at any time between the request and its answer. */
function misrouted(flips: readonly Flip[], { startedUs, endedUs, onGreen }: Served): number {
  let found = 0;
  onGreen.forEach((green, index) => {
    const could = flips.some(
      ({ toGreen, beganUs }, at) =>
        toGreen === green &&
        beganUs <= endedUs[index]! &&
        (flips[at + 1]?.answeredUs ?? Number.POSITIVE_INFINITY) >= startedUs[index]!,
    );
    if (!could) found += 1;
  });
  return found;
}

/** What the receipts of the moves have lost, the WebSockets that were ended with the clients left out. */
async function receiptsLost(tidegate: Tidegate, flips: readonly Flip[]): Promise<number> {
  let lost = 0;
  for (const { epoch } of flips.slice(1)) {
    const receipt = await until(`the receipt of epoch ${epoch} is final`, async () => {
      const now = await tidegate.admin.receipt(epoch);
      return now.drained !== null && now;
    });
    lost += receipt.lost;
  }
  return lost;
}
