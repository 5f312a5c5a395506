/**
 * A shop whose green version can be made worse than its blue one, with rollouts from the one to the other, and what its
 * clients and endpoints have counted themselves.
 *
 * An endpoint fails, or is slow, with the chance that the test has set for its side; a request with `x-fail` fails anywhere.
 * `/smoke` is what verifications ask, and is not counted among the requests.
 */
import type { RolloutView } from '../../../src/control/operations.ts';
import type { AdminAnswer, AdminError } from './admin.ts';
import { blueAndGreen, shopConfig } from './shop.ts';
import { type Cleaning, configFile, Tidegate } from './tidegate.ts';
import { until } from './until.ts';
import { sayVersion, Upstream } from './upstream.ts';

/** One version, as its endpoint behaves and as it has counted. */
export class Side {
  readonly name: string;
  upstream!: Upstream;
  /** The chance that a request fails with a 500. */
  failing = 0;
  /** The chance that a request takes `slowMs` longer. */
  slow = 0;
  slowMs = 1000;
  /** What `/smoke` answers when it is asked for the nth time, from 1; 0 for never. */
  smoke: (nth: number) => number = () => 200;
  smokes = 0;
  /** Requests that were answered, and those of them that failed. */
  answered = 0;
  failed = 0;
  readonly #random: () => number;

  constructor(name: string, random: () => number) {
    this.name = name;
    this.#random = random;
  }

  async open(t: Cleaning, version: string): Promise<this> {
    this.upstream = await Upstream.start(t, version, (req, res, self) => {
      if (req.url === '/smoke') {
        this.smokes += 1;
        const status = this.smoke(this.smokes);
        if (status > 0) res.writeHead(status).end();
        return;
      }
      const isBad = req.headers['x-fail'] !== undefined || this.#random() < this.failing;
      const answer = (): void => {
        this.answered += 1;
        if (isBad) {
          this.failed += 1;
          res.writeHead(500, { 'content-length': 0, 'x-version': self.version }).end();
        } else sayVersion(req, res, self);
      };
      if (this.#random() < this.slow) setTimeout(answer, this.slowMs);
      else answer();
    });
    return this;
  }
}

export interface RolloutShopOptions {
  readonly random?: () => number;
  /** The lines of `rollout:`, without indentation. */
  readonly rollout?: readonly string[];
  /** Further lines of the service. */
  readonly service?: readonly string[];
  /** A last change of the file's text. */
  readonly edit?: (text: string) => string;
  /** Lines of the top level; access log off unless given. */
  readonly top?: readonly string[];
  readonly routes?: readonly string[];
}

/** Bad releases fail by the thousand, and nobody reads a line for each. */
const QUIET = 'log: { access: off }';

/** Long enough that no step and no bake ends by itself. */
export const ENDLESS = ['hold: 1h', 'bake: 1h', 'guard: { warmUp: 0s }'];

export class RolloutShop {
  readonly blue: Side;
  readonly green: Side;
  readonly file: string;
  tidegate!: Tidegate;

  private constructor(blue: Side, green: Side, file: string) {
    this.blue = blue;
    this.green = green;
    this.file = file;
  }

  /** Blue has all traffic; `rollout` is ENDLESS with one step of 10% unless given. */
  static async open(t: Cleaning, options: RolloutShopOptions = {}): Promise<RolloutShop> {
    const {
      random = Math.random,
      rollout = ['steps: [10%, 100%]', ...ENDLESS],
      service = [],
      edit = same,
      top = [QUIET],
      ...rest
    } = options;
    const blue = await new Side('blue', random).open(t, 'v1');
    const green = await new Side('green', random).open(t, 'v2');
    const text = shopConfig({
      pools: blueAndGreen(blue.upstream.address, green.upstream.address),
      traffic: 'blue',
      service: [...service, 'rollout:', ...rollout.map((line) => `  ${line}`)],
      ...rest,
      top,
    });
    const shop = new RolloutShop(blue, green, await configFile(t, edit(text)));
    await shop.begin(t);
    return shop;
  }

  /** Starts Tidegate, for the first time or again. */
  async begin(t: Cleaning): Promise<void> {
    this.tidegate = await Tidegate.start(t, this.file);
  }

  get port(): number {
    return this.tidegate.port;
  }

  /** Starts a rollout; rejects when it is refused. */
  async start(order: Readonly<Record<string, unknown>> = {}): Promise<RolloutView> {
    return granted(await this.ask('POST', '', { to: 'green', again: true, ...order }));
  }

  /** A command to the rollout; rejects when it is refused. */
  async command(command: string, body: Readonly<Record<string, unknown>> = {}): Promise<RolloutView> {
    return granted(await this.ask('POST', `/${command}`, body));
  }

  /** Calls the rollout of the shop and gives the answer, whatever it is. */
  ask(method: string, path: string, body?: unknown): Promise<AdminAnswer<RolloutView & AdminError>> {
    return this.tidegate.admin.call('POST' === method ? 'POST' : 'GET', `/api/services/shop/rollout${path}`, body);
  }

  async view(): Promise<RolloutView> {
    return granted(await this.ask('GET', ''));
  }

  /** Resolves when the rollout is in this phase. */
  phase(phase: RolloutView['phase'], deadlineMs?: number): Promise<RolloutView> {
    const reached = async (): Promise<RolloutView | null> => {
      const view = await this.view();
      if (view.phase === phase) return view;
      if (view.endedAt !== null) throw new Error(`it has ended as ${view.phase} and not ${phase}: ${view.reason}`);
      return null;
    };
    return until(`the rollout is ${phase}`, reached, deadlineMs);
  }

  /** Resolves when the rollout has ended, however. */
  ended(deadlineMs?: number): Promise<RolloutView> {
    const over = async (): Promise<RolloutView | null> => {
      const view = await this.view();
      return view.endedAt === null ? null : view;
    };
    return until('the rollout has ended', over, deadlineMs);
  }

  /** Green's share of the traffic, by the gate. */
  async share(): Promise<number> {
    const { traffic } = await this.tidegate.admin.service();
    const [blue = 0, green = 0] = [traffic.blue, traffic.green];
    return green / (blue + green);
  }

  /** Has the file read again, after a change of it. */
  async reload(change: (text: string) => string): Promise<void> {
    const from = this.tidegate.lines.length;
    await this.tidegate.edit(change);
    const { msg } = await this.tidegate.line('it is read', ({ msg }) => /^config (not )?applied/.test(msg ?? ''), from);
    if (!/^config applied/.test(msg ?? '')) throw new Error(msg);
  }
}

function granted({ status, body }: AdminAnswer<RolloutView & AdminError>): RolloutView {
  if (status !== 200) throw new Error(`${status}: ${body.error.code}: ${body.error.message}`);
  return body;
}

function same(text: string): string {
  return text;
}
