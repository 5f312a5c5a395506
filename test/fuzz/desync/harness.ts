/**
 * The search for a desync through the whole data plane: random pipelines of good and bad requests over many connections at
 * once, against an upstream that answers in every way and writes down exactly what it was sent.
 *
 * What may never happen: the upstream sees a request, or a body, that no client has sent or that was refused; a client gets a
 * response that is not its own, or one out of order; a response that was cut looks whole; a good request is lost.
 *
 * A round is a handful of connections made from one seed. When one shows a problem, it is played again with fewer
 * connections and requests as long as the problem comes back. Several rounds run at once, so that connections to the
 * upstream pass from one to another as they do under load.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { ControlPlane } from '../../../src/control/control-plane.ts';
import { type Account, FINDINGS_MAX, type Finding, type Run } from '../fuzzer.ts';
import { escaped } from '../stage/corpus.ts';
import { minimised } from '../stage/minimise.ts';
import { Random } from '../stage/random.ts';
import { play } from './client.ts';
import { Ledger } from './ledger.ts';
import { Recorder } from './recorder.ts';
import { generateRound, type ScriptedConnection } from './script.ts';
import { judgeConnection } from './verdict.ts';

const ROUNDS_AT_ONCE = 6;
const CONNECTIONS_PER_ROUND = 8;
const REPLAYS_MAX = 60;
/** How many rounds a request stays on the books after its own: it may still be on its way when its client has left. */
const ROUNDS_KEPT = 200;

// All of one length, or the same seed would make other requests for another round.
function labelOf(round: number): string {
  return `r${String(round).padStart(8, '0')}`;
}

class Harness {
  readonly counts = { requests: 0, seen: 0, relayed: 0, refused: 0, failed: 0, raced: 0, cut: 0, aborted: 0 };
  readonly ledger: Ledger;
  readonly recorder: Recorder;
  readonly #plane: ControlPlane;
  readonly #folder: string;
  readonly #port: number;
  readonly #kept: ScriptedConnection[][] = [];
  #rounds = 0;

  private constructor(plane: ControlPlane, ledger: Ledger, recorder: Recorder, folder: string) {
    this.#plane = plane;
    this.ledger = ledger;
    this.recorder = recorder;
    this.#folder = folder;
    const { address } = plane.listeners()[0]!;
    this.#port = Number(address.slice(address.lastIndexOf(':') + 1));
  }

  static async start(): Promise<Harness> {
    const ledger = new Ledger();
    const recorder = await Recorder.start(ledger);
    const folder = mkdtempSync(join(tmpdir(), 'tidegate-desync-'));
    const file = join(folder, 'tidegate.yaml');
    const config = {
      listeners: [{ address: '127.0.0.1:0' }],
      workers: 1,
      state: join(folder, 'state.db'),
      log: { access: 'off' },
      shutdown: { delay: '0s', deadline: '1s' },
      services: {
        app: {
          pools: { main: { version: 'v1', endpoints: [recorder.address] } },
          // The ledger expects each request once.
          retries: { attempts: 0 },
          // Fewer than the clients: connections are handed from one waiting exchange to the next.
          limits: { connections: 12, queue: 1024 },
          timeouts: { queue: '15s', response: '15s', idle: '15s' },
        },
      },
      routes: [{ service: 'app' }],
    };
    // JSON is YAML.
    writeFileSync(file, JSON.stringify(config));
    const log = pino({ level: 'silent' });
    const plane = await ControlPlane.start({ file, env: {}, log, accessLog: () => {} });
    if ('failed' in plane) throw new Error(plane.lines.join('\n'));
    return new Harness(plane, ledger, recorder, folder);
  }

  async stop(): Promise<void> {
    await this.#plane.terminate();
    this.recorder.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A label that no round has had. */
  nextLabel(): string {
    return labelOf(++this.#rounds);
  }

  /** Plays the connections of a round at once and gives its problems. */
  async play(label: string, scripts: readonly ScriptedConnection[]): Promise<string[]> {
    this.#keep(scripts);
    const found = await Promise.all(scripts.map((script) => this.#playOne(script)));
    return [...found.flat(), ...this.ledger.take(label).map(({ what }) => what)];
  }

  async #playOne(script: ScriptedConnection): Promise<readonly string[]> {
    const { received, ending, silent } = await play(this.#port, script, this.ledger.open(script));
    const { problems, ...counts } = judgeConnection(script, received, ending);
    this.counts.requests += script.requests.length;
    if (script.abort !== null) this.counts.aborted++;
    for (const key of ['relayed', 'refused', 'failed', 'raced', 'cut'] as const) this.counts[key] += counts[key];
    if (silent) return [`${script.requests[0]!.name}: silence after ${JSON.stringify(received.slice(-200))}`];
    return problems;
  }

  #keep(scripts: readonly ScriptedConnection[]): void {
    this.#kept.push([...scripts]);
    if (this.#kept.length <= ROUNDS_KEPT) return;
    for (const script of this.#kept.shift()!) this.ledger.close(script);
  }

  /** The same round with fewer connections and requests that still shows a problem, as text. */
  async minimise(seed: number): Promise<string> {
    const scripts = (label: string): ScriptedConnection[] =>
      generateRound(new Random(seed), label, CONNECTIONS_PER_ROUND);
    const places = scripts(labelOf(0)).flatMap(({ requests }, connection) =>
      requests.map((_, index) => ({ connection, index })),
    );
    const parts = (label: string, kept: typeof places): ScriptedConnection[] =>
      scripts(label).flatMap((script, connection) => {
        const requests = script.requests.filter((_, index) =>
          kept.some((place) => place.connection === connection && place.index === index),
        );
        return requests.length === 0 ? [] : [{ ...script, requests }];
      });
    const fails = async (kept: typeof places): Promise<boolean> => {
      for (let attempt = 0; attempt < 2; attempt++) {
        const label = this.nextLabel();
        if ((await this.play(label, parts(label, kept))).length > 0) return true;
      }
      return false;
    };
    if (!(await fails(places))) return `seed ${seed} (it did not come back alone)`;
    const kept = await minimised(places, (less) => fails([...less]), REPLAYS_MAX);
    return parts(labelOf(0), [...kept])
      .map(({ requests, pieces, abort }) => {
        const texts = requests.map(({ text, answer }) => {
          const { early, after } = answer;
          return `request accepted\n${escaped(text)}\n# answered${early ? ' early' : ''}, then ${after}:\n${answer.pieces.map(escaped).join('|')}`;
        });
        return `# in pieces of ${pieces.join()}; ${abort === null ? 'stays' : `${abort.how} after ${abort.afterBytes}`}\n${texts.join('\n')}`;
      })
      .join('\n\n');
  }
}

/** The fuzzer of the whole data plane; a case is a request. */
export async function fuzzDesync({ random, goesOn }: Run): Promise<Account> {
  const harness = await Harness.start();
  const findings: Finding[] = [];
  const lane = async (): Promise<void> => {
    while (goesOn(harness.counts.requests) && findings.length < FINDINGS_MAX) {
      const seed = random.u32();
      const label = harness.nextLabel();
      const problems = await harness.play(label, generateRound(new Random(seed), label, CONNECTIONS_PER_ROUND));
      if (problems.length === 0) continue;
      const at = findings.push({ what: problems.join('\n'), reproduction: '' }) - 1;
      findings[at] = { what: problems.join('\n'), reproduction: await harness.minimise(seed) };
    }
  };
  try {
    await Promise.all(Array.from({ length: ROUNDS_AT_ONCE }, lane));
    for (const { what } of harness.ledger.problems)
      findings.push({ what, reproduction: 'a request of no known round' });
  } finally {
    await harness.stop();
  }
  return { cases: harness.counts.requests, counts: { ...harness.counts, seen: harness.recorder.seen }, findings };
}
