/**
 * The proxy under test: Tidegate or one that people would use in its place, in front of the same endpoints.
 *
 * All get the time limits of `LIMITS` and what their own manuals recommend against failing endpoints: passive health checks,
 * and retries of what may be repeated, on another endpoint. Nobody gets a setting that another one has and is refused. None
 * writes an access log. Rivals have no second pool: scenarios that move traffic are Tidegate's alone.
 */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contenderNamed, fillTemplate } from '../../bench/contenders.ts';
import { freePorts } from '../../bench/free-ports.ts';
import type { Nursery } from '../../bench/processes.ts';
import { findProgram } from '../../bench/programs.ts';
import { shopConfig } from '../scenario/stage/shop.ts';
import { type Cleaning, configFile, type LaunchOptions, Tidegate } from '../scenario/stage/tidegate.ts';

/** The proxies, Tidegate first. */
export const SUBJECTS = ['tidegate', 'nginx', 'haproxy', 'caddy'] as const;

export type SubjectName = (typeof SUBJECTS)[number];

/** How long each part of an exchange may take, in milliseconds, with every proxy. */
export const LIMITS = { connectMs: 500, attemptMs: 500, responseMs: 3000, idleMs: 3000 } as const;

/** The endpoints of each pool, as `host:port`. */
export type Pools = Readonly<Record<string, readonly string[]>>;

/** What a scenario wants otherwise than everybody has it; Tidegate only. */
export interface Wants {
  readonly listener?: readonly string[];
  readonly service?: readonly string[];
  readonly workers?: number;
  readonly launch?: LaunchOptions;
}

/** A started proxy. */
export interface Subject {
  readonly name: SubjectName;
  readonly port: number;
  /** The process, or the one that all its processes descend from. */
  readonly pid: number;
  /** The handle on Tidegate; null for a rival. */
  readonly tidegate: Tidegate | null;
}

/** The version of a proxy, or null when it is not installed here. */
export function versionOf(name: SubjectName): string | null {
  return contenderNamed(name).version();
}

/** The config of Tidegate in front of these pools. */
export function tidegateConfig(pools: Pools, wants: Wants = {}): string {
  const { connectMs, attemptMs, responseMs, idleMs } = LIMITS;
  return shopConfig({
    pools: Object.fromEntries(
      Object.entries(pools).map(([name, endpoints]) => [name, { version: `v-${name}`, endpoints }]),
    ),
    traffic: 'blue',
    workers: wants.workers ?? 2,
    ...(wants.listener === undefined ? {} : { listener: wants.listener }),
    service: [
      `timeouts: { connect: ${connectMs}ms, response: ${responseMs}ms, idle: ${idleMs}ms, queue: ${responseMs}ms }`,
      `retries: { attempts: 2, perTry: ${attemptMs}ms }`,
      'ejection: { consecutiveFailures: 5, base: 1s }',
      'limits: { connections: 1024, queue: 1024 }',
      ...(wants.service ?? []),
    ],
  });
}

/** Starts Tidegate as its users do. */
export async function startTidegate(cleaning: Cleaning, pools: Pools, wants: Wants): Promise<Subject> {
  const file = await configFile(cleaning, tidegateConfig(pools, wants));
  const tidegate = await Tidegate.start(cleaning, file, wants.launch ?? {});
  return { name: 'tidegate', port: tidegate.port, pid: tidegate.pid, tidegate };
}

/** Starts a rival with its config from `rivals/`, filled in. */
export async function startRival(
  name: Exclude<SubjectName, 'tidegate'>,
  pools: Pools,
  nursery: Nursery,
  directory: string,
  secondsMax: number,
): Promise<Subject> {
  const [listen = 0, admin = 0] = await freePorts(2);
  const { template, args, server } = RIVALS[name];
  const text = readFileSync(join(import.meta.dirname, 'rivals', template), 'utf8');
  const path = join(directory, template);
  const { connectMs, attemptMs, idleMs } = LIMITS;
  const values = {
    DIRECTORY: directory,
    LISTEN: listen,
    ADMIN: admin,
    CONNECT: connectMs,
    ATTEMPT: attemptMs,
    IDLE: idleMs,
    SERVERS: pools.blue!.map(server).join('\n'),
  };
  writeFileSync(path, fillTemplate(text, values));
  // Its worker runs as another user when the run is root's, and must reach its directories for large bodies.
  chmodSync(directory, 0o755);
  const child = nursery.start({
    name,
    command: findProgram(name) ?? name,
    args: args(path, directory),
    env: { HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory, GOMAXPROCS: '2' },
    side: 'anywhere',
    secondsMax,
  });
  await nursery.ready(child, { port: listen });
  return { name, port: listen, pid: child.pid, tidegate: null };
}

interface Rival {
  readonly template: string;
  readonly args: (path: string, directory: string) => string[];
  /** The words that name an endpoint in its config. */
  readonly server: (address: string, index: number) => string;
}

const RIVALS: Readonly<Record<Exclude<SubjectName, 'tidegate'>, Rival>> = {
  nginx: {
    template: 'nginx.conf',
    args: (path, directory) => ['-p', directory, '-e', 'stderr', '-c', path],
    server: (address) => `    server ${address} max_fails=5 fail_timeout=1s;`,
  },
  haproxy: {
    template: 'haproxy.cfg',
    args: (path) => ['-db', '-f', path],
    server: (address, index) =>
      `  server s${index} ${address} maxconn 1024 check observe layer7 error-limit 5 on-error mark-down`,
  },
  caddy: {
    template: 'Caddyfile',
    args: (path) => ['run', '--adapter', 'caddyfile', '--config', path],
    server: (address) => `\t\tto ${address}`,
  },
};
