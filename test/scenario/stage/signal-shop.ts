/**
 * A service with a rollout that is judged by signals: blue and green of this process, whose answers, pages of metrics and whose
 * neighbours (a JSON endpoint, a Prometheus) say what the test wants.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RolloutView } from '../../../src/control/operations.ts';
import type { Admin } from './admin.ts';
import { blueAndGreen, shopConfig } from './shop.ts';
import { type Cleaning, startTidegate, type Tidegate } from './tidegate.ts';
import { until } from './until.ts';
import { sayVersion, Upstream } from './upstream.ts';

/** A version: what its page of metrics says, and what its answers say of their outcome. */
export class Version {
  page = '';
  /** The outcome that the answer to this request names; '' for none. */
  outcome: (req: IncomingMessage) => string = () => '';
  /** The status of its answers. */
  status = 200;
  upstream!: Upstream;

  static async start(t: Cleaning, name: string): Promise<Version> {
    const version = new Version();
    version.upstream = await Upstream.start(t, name, (req, res, upstream) => {
      if (req.url === '/metrics') {
        res.end(version.page);
        return;
      }
      const outcome = version.outcome(req);
      if (outcome !== '') res.setHeader('x-outcome', outcome);
      if (version.status !== 200) res.writeHead(version.status, { 'content-length': 0 }).end();
      else sayVersion(req, res, upstream);
    });
    return version;
  }
}

/** A server beside the service; without `answer` it takes requests and never answers. */
export class Neighbour {
  answer: ((req: IncomingMessage, res: ServerResponse) => void) | null = null;
  readonly asked: { readonly url: string; readonly authorization: string | undefined }[] = [];
  upstream!: Upstream;

  static async start(t: Cleaning, answer: Neighbour['answer'] = null): Promise<Neighbour> {
    const neighbour = new Neighbour();
    neighbour.answer = answer;
    neighbour.upstream = await Upstream.start(t, '', (req, res) => {
      neighbour.asked.push({ url: req.url!, authorization: req.headers.authorization });
      neighbour.answer?.(req, res);
    });
    return neighbour;
  }

  get url(): string {
    return `http://${this.upstream.address}`;
  }
}

export class SignalShop {
  readonly tidegate: Tidegate;
  readonly blue: Version;
  readonly green: Version;

  private constructor(tidegate: Tidegate, blue: Version, green: Version) {
    this.tidegate = tidegate;
    this.blue = blue;
    this.green = green;
  }

  /** `signals` stands under the guard as it is; the rollout has one step of a half that lasts for `hold`. */
  static async open(
    t: Cleaning,
    signals: readonly string[],
    {
      hold = '1h',
      service = [],
      routes = [],
      guard = [],
    }: {
      readonly hold?: string;
      readonly service?: readonly string[];
      readonly routes?: readonly string[];
      readonly guard?: readonly string[];
    } = {},
  ): Promise<SignalShop> {
    const [blue, green] = await Promise.all([Version.start(t, 'v1'), Version.start(t, 'v2')]);
    const config = shopConfig({
      pools: blueAndGreen(blue.upstream.address, green.upstream.address),
      traffic: 'blue',
      routes,
      service: [
        ...service,
        'rollout:',
        `  hold: ${hold}`,
        '  steps: [50%, 100%]',
        '  guard:',
        '    latency: off',
        ...guard.map((line) => `    ${line}`),
        '    signals:',
        ...signals.map((line) => `      ${line}`),
      ],
    });
    return new SignalShop(await startTidegate(t, config), blue, green);
  }

  get admin(): Admin {
    return this.tidegate.admin;
  }

  /** Begins a rollout to green, which may have been refused before. */
  async start(): Promise<void> {
    const started = await this.admin.call('POST', '/api/services/shop/rollout', { to: 'green', again: true });
    if (started.status !== 200) throw new Error(JSON.stringify(started.body));
  }

  async view(): Promise<RolloutView> {
    return (await this.admin.call<RolloutView>('GET', '/api/services/shop/rollout')).body;
  }

  /** The rollout when it is so. */
  when(what: string, is: (view: RolloutView) => boolean): Promise<RolloutView> {
    return until(what, async () => {
      const view = await this.view();
      return is(view) && view;
    });
  }

  ended(): Promise<RolloutView> {
    return this.when('the rollout has ended', ({ endedAt }) => endedAt !== null);
  }
}

/** The verdict on one signal. */
export function verdictOn(view: RolloutView, name: string) {
  return view.verdict?.signals.find((signal) => signal.name === name);
}
