/**
 * The CLI as its users have it: a real child process of `bin/tidegate.js` against an admin API that a test scripts.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { EndpointView, PoolView, Receipt, ServiceView } from '../../../src/control/operations.ts';

const BIN = fileURLToPath(new URL('../../../bin/tidegate.js', import.meta.url));
/** A child that says nothing for this long is stuck, and is ended so that the test fails and not the runner. */
const STUCK_MS = 120_000;

/** What a child process said and how it ended. */
export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** One request as the scripted admin API received it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A running child: `until` resolves when its standard output fits, `done` when it has ended. */
export interface Child {
  readonly until: (pattern: RegExp) => Promise<string>;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly closeOutput: () => void;
  readonly done: Promise<Outcome>;
}

/** An environment without what the machine of the test may have set. */
const CLEAN = { PATH: process.env.PATH, LANG: 'C.UTF-8' };

/** Starts `tidegate` with the words; `env` is added to a clean environment, `nodeArgs` go before the program. */
export function start(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  nodeArgs: readonly string[] = [],
  cwd?: string,
): Child {
  // By way of env(1), which becomes the program: the runner adds its own loaders to every Node that it sees started.
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, ...nodeArgs, BIN, ...args], {
    env: { ...CLEAN, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  });
  let [out, err] = ['', ''];
  const stuck = setTimeout(() => child.kill('SIGKILL'), STUCK_MS);
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const done = once(child, 'close').then(([code]) => {
    clearTimeout(stuck);
    return { code: code as number | null, out, err };
  });
  return {
    until: async (pattern) => {
      while (!pattern.test(out)) {
        const ended = await Promise.race([once(child.stdout, 'data').then(() => false), done.then(() => true)]);
        if (ended && !pattern.test(out)) throw new Error(`ended before ${pattern}: ${out}${err}`);
      }
      return out;
    },
    kill: (signal) => child.kill(signal),
    closeOutput: () => child.stdout.destroy(),
    done,
  };
}

/** Runs `tidegate` to its end. */
export function tidegate(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  return start(args, env).done;
}

/** Answers one request of the scripted admin API. */
export type Script = (seen: Seen, res: ServerResponse) => void;

/** Sends JSON with a status. */
export function json(res: ServerResponse, value: unknown, status = 200): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

/** Listens on a free port until `close`; `url` is what `--admin` takes. */
export async function scriptedAdmin(script: Script): Promise<{
  readonly url: string;
  readonly seen: readonly Seen[];
  readonly close: () => Promise<void>;
}> {
  const seen: Seen[] = [];
  const server = createServer((req, res) => {
    let body = '';
    req.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    req.on('end', () => {
      const one = { method: req.method!, url: req.url!, headers: req.headers, body };
      seen.push(one);
      script(one, res);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A receipt of a flip, with what a test wants to be different. */
export function receipt(changes: Partial<Receipt> = {}): Receipt {
  return {
    service: 'shop',
    epoch: 7,
    from: { blue: 100, green: 0 },
    to: { blue: 0, green: 100 },
    at: '2026-01-31T12:00:00.000Z',
    appliedMs: 0.4,
    reason: 'flip',
    note: '',
    by: 'cli:ann',
    inFlight: 12,
    drained: null,
    lost: 0,
    ended: 0,
    stored: true,
    ...changes,
  };
}

/** An endpoint that is up, with what a test wants to be different. */
export function endpoint(changes: Partial<EndpointView> = {}): EndpointView {
  return {
    address: '127.0.0.1:3001',
    weight: 1,
    effectiveWeight: 1,
    health: 'up',
    admitting: true,
    ejection: null,
    lastCheck: { at: '2026-01-31T12:00:05.000Z', ok: true, detail: '200' },
    inFlight: 0,
    connections: 1,
    idle: 1,
    queued: 0,
    ...changes,
  };
}

/** A pool that serves everything, with what a test wants to be different. */
export function pool(changes: Partial<PoolView> = {}): PoolView {
  return {
    name: 'blue',
    version: 'v1.0',
    weight: 100,
    share: 1,
    state: 'serving',
    inFlight: 12,
    tunnels: 0,
    panic: false,
    drainDeadline: null,
    drainEnded: 0,
    requests: 1000,
    errors: 0,
    live: { windowS: 10, requestsPerSecond: 1234.5, errorShare: 0, p50Ms: 1.23, p95Ms: 4.5, p99Ms: 1250 },
    endpoints: [endpoint()],
    ...changes,
  };
}

/** A pool that has no traffic and has done nothing. */
export function idlePool(changes: Partial<PoolView> = {}): PoolView {
  return pool({
    name: 'green',
    version: 'v2.0',
    weight: 0,
    share: 0,
    state: 'idle',
    inFlight: 0,
    live: { windowS: 10, requestsPerSecond: 0, errorShare: 0, p50Ms: null, p95Ms: null, p99Ms: null },
    endpoints: [endpoint({ address: '127.0.0.1:3101' })],
    ...changes,
  });
}

/** A service with a blue pool that serves and a green one that idles. */
export function service(changes: Partial<ServiceView> = {}): ServiceView {
  return {
    name: 'shop',
    epoch: 7,
    traffic: { blue: 100, green: 0 },
    previous: null,
    active: 'blue',
    since: { at: '2026-01-31T12:00:00.000Z', by: 'cli:ann', reason: 'rollback', note: 'green was slow' },
    stored: true,
    rollout: null,
    pools: [pool(), idlePool()],
    ...changes,
  };
}
