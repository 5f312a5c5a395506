/**
 * What the demo happens on: three servers and a Tidegate in front of them, each a real process, with a config and a state
 * file in a directory that is removed in the end.
 *
 * Ports are the usual ones if they are free and otherwise whatever the system gives. Somebody may take a port between the
 * look and the start, so a Tidegate that does not come up is started once more on ports that the system chooses.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { formatAddress } from '../../config/address.ts';
import { probePort } from '../../control/ports.ts';
import { type Child, Processes } from './processes.ts';
import type { UpstreamReady } from './upstream.ts';

const PROGRAM = new URL('../../../bin/tidegate.js', import.meta.url);
const UPSTREAM = new URL(import.meta.url.endsWith('.ts') ? './upstream.ts' : './upstream.js', import.meta.url);
const HOST = '127.0.0.1';
const START_MS_MAX = 15_000;
/** Lines of the log that are kept to tell why Tidegate has ended. */
const LOG_LINES_MAX = 20;

/** The pools of the demo; some of the answers of the bad one are errors. */
export const POOLS = [
  { name: 'blue', version: 'v1.0', isBad: false },
  { name: 'green', version: 'v2.0', isBad: false },
  { name: 'bad', version: 'v2.1', isBad: true },
] as const;

/** How the scene is set for a story. */
export interface Setting {
  /** The share of the bad version's answers that are errors, 0 to 1. */
  readonly badShare: number;
  /** How long a step of a rollout holds, in whole milliseconds. */
  readonly holdMs: number;
}

/** The ports to open. 0 lets the system choose. */
export interface Ports {
  readonly clients: number;
  readonly admin: number;
}

/** The name of the one service. */
export const SERVICE = 'shop';

/** Everything that runs. `close` ends it in order. */
export interface Scene {
  readonly configFile: string;
  readonly clientPort: number;
  readonly adminUrl: string;
  readonly children: readonly Child[];
  readonly close: () => Promise<void>;
  /** Resolves, with the end of its log, when Tidegate ends without having been told to. */
  readonly collapsed: Promise<string>;
}

/** Starts everything; rejects with a sentence for people, and nothing is left running then. */
export async function openScene(wanted: Ports, setting: Setting): Promise<Scene> {
  const processes = new Processes();
  const directory = mkdtempSync(join(tmpdir(), 'tidegate-demo-'));
  const removeDirectory = () => rmSync(directory, { recursive: true, force: true });
  process.once('exit', removeDirectory);
  try {
    const upstreams = await Promise.all(POOLS.map((pool) => startUpstream(processes, pool, setting)));
    const configFile = join(directory, 'tidegate.yaml');
    const start = async (ports: Ports) => {
      writeFileSync(configFile, configText({ ports, state: join(directory, 'state.db'), upstreams, setting }));
      return startTidegate(processes, configFile);
    };
    const gate = await start(await freeOrOther(wanted)).catch(() => start({ clients: 0, admin: 0 }));
    return {
      configFile,
      clientPort: gate.clientPort,
      adminUrl: gate.adminUrl,
      children: [...upstreams.map(({ child }) => child), gate.child],
      collapsed: gate.collapsed,
      close: async () => {
        await processes.stop(gate.child);
        await Promise.all(upstreams.map(({ child }) => processes.stop(child)));
        removeDirectory();
        process.off('exit', removeDirectory);
      },
    };
  } catch (error) {
    processes.killAll();
    removeDirectory();
    throw error;
  }
}

/** The wanted ports where they are free, and 0 where they are not. */
export async function freeOrOther(wanted: Ports): Promise<Ports> {
  const free = async (port: number) => ('error' in (await probePort(HOST, port)) ? 0 : port);
  return { clients: await free(wanted.clients), admin: await free(wanted.admin) };
}

interface Upstream {
  readonly child: Child;
  readonly pool: (typeof POOLS)[number];
  readonly port: number;
}

async function startUpstream(processes: Processes, pool: Upstream['pool'], { badShare }: Setting): Promise<Upstream> {
  const failing = pool.isBad ? badShare : 0;
  const child = processes.start(pool.name, UPSTREAM, [pool.name, pool.version, String(failing)]);
  const said = lastLines(child);
  const ready = await Promise.race([
    once(child.process, 'message').then(([message]) => message as UpstreamReady),
    once(child.process, 'exit').then(() => null),
  ]);
  if (ready === null) throw new Error(`the server ${pool.name} has not started: ${said()}`);
  return { child, pool, port: ready.port };
}

interface Gate {
  readonly child: Child;
  readonly clientPort: number;
  readonly adminUrl: string;
  readonly collapsed: Promise<string>;
}

/** The line of Tidegate's log that says where it can be reached. */
interface RunningLine {
  readonly msg: 'Tidegate is running';
  readonly listeners: readonly { readonly address: string }[];
  readonly admin: string;
}

async function startTidegate(processes: Processes, configFile: string): Promise<Gate> {
  const child = processes.start('tidegate', PROGRAM, ['run', '--config', configFile]);
  const running = Promise.withResolvers<RunningLine | null>();
  const said = lastLines(child, (line) => {
    const parsed = runningLine(line);
    if (parsed !== null) running.resolve(parsed);
  });
  const collapsed = once(child.process, 'exit').then(said);
  void collapsed.then(() => running.resolve(null));
  const late = setTimeout(() => running.resolve(null), START_MS_MAX);
  const line = await running.promise;
  clearTimeout(late);
  if (line === null) {
    await processes.stop(child);
    throw new Error(`Tidegate has not started: ${said()}`);
  }
  const clientPort = Number(line.listeners[0]!.address.split(':').at(-1));
  return { child, clientPort, adminUrl: `http://${line.admin}`, collapsed };
}

/** Reads both outputs of a child for as long as it has any; the answer gives the last lines. */
function lastLines(child: Child, onLine: (line: string) => void = () => {}): () => string {
  const lines: string[] = [];
  for (const stream of [child.process.stdout, child.process.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (lines.length > LOG_LINES_MAX) lines.shift();
      onLine(line);
    });
  }
  return () => lines.join('\n') || 'it said nothing';
}

function runningLine(line: string): RunningLine | null {
  if (!line.includes('"Tidegate is running"')) return null;
  const parsed = JSON.parse(line) as RunningLine;
  return parsed.msg === 'Tidegate is running' ? parsed : null;
}

interface Script {
  readonly ports: Ports;
  readonly state: string;
  readonly upstreams: readonly Upstream[];
  readonly setting: Setting;
}

function configText({ ports, state, upstreams, setting }: Script): string {
  const at = (port: number) => formatAddress({ host: HOST, port });
  const pools = upstreams.map(({ pool, port }) => {
    const note = pool.isBad ? `   # fails ${setting.badShare * 100}% of its requests` : '';
    return `      ${pool.name}: { version: ${pool.version}, endpoints: ["${at(port)}"] }${note}`;
  });
  return `# The config of the demo. Edit it while the demo runs: it takes effect when it is saved.
listeners:
  - address: ${at(ports.clients)}
admin:
  address: ${at(ports.admin)}
workers: 2
# Whatever else this machine has to do, no client is to pay for it here.
overload: off
state: ${JSON.stringify(state)}

services:
  ${SERVICE}:
    pools:
${pools.join('\n')}
    traffic: blue
    preview: { header: x-tidegate-pool, token: demo }
    health: { path: /healthz, interval: 500ms, timeout: 3s, unhealthy: 5 }
    # Steps of seconds can prove little; a release that matters holds for minutes and is paused when nobody can tell.
    rollout:
      steps: [10%, 25%, 50%, 100%]
      hold: ${setting.holdMs}ms
      bake: ${setting.holdMs}ms
      # All versions share one machine here, and what it does meanwhile says nothing about how fast they are.
      guard: { errors: { rate: 5% }, latency: off }
      inconclusive: promote
      verify: { version: { path: /version }, smoke: [{ path: /, timeout: 2s }] }

routes:
  - service: ${SERVICE}
`;
}
