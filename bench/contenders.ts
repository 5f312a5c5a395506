/**
 * Who takes part: the floor of this runtime, Tidegate, the Node libraries, and the servers that people compare with.
 *
 * A contender is started as its own process from a command line or a plain configuration file in `rivals/`, with one
 * worker thread or process each, so that a line of the table compares one core with one core. Nobody gets a setting
 * that another one has and is refused: all keep connections on both sides, none writes an access log. What is not
 * installed is left out and named in the report.
 */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readiness } from './processes.ts';
import { findProgram, programVersion } from './programs.ts';

const root = join(import.meta.dirname, '..');

/** The directory, ports and active upstream that one started contender is given. */
export interface Placement {
  readonly directory: string;
  readonly listen: number;
  readonly admin: number;
  readonly blue: number;
  readonly green: number;
}

/** The command that runs a contender in the foreground, and how to know that it serves. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly readiness: Readiness;
}

/** One contender. `everyShape` tells whether it races in all shapes of load or in the first only. */
export interface Contender {
  readonly name: string;
  readonly title: string;
  readonly everyShape: boolean;
  /** Its version, or null when it cannot run here. */
  readonly version: () => string | null;
  readonly launch: (placement: Placement) => Launch;
}

/**
 * Replaces each `@NAME@` of a configuration template, a form that none of the configuration languages here gives a
 * meaning to. Throws on a name that has no value.
 */
export function fillTemplate(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replaceAll(/@([A-Z]+)@/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`the template names @${name}@, which has no value`);
    return String(value);
  });
}

/**
 * Writes the configuration file of a server into the placement's directory, with the `active` side's port where the
 * template has one and `further` values by their names, and returns its path.
 */
export function writeConfig(
  template: string,
  placement: Placement,
  active: 'blue' | 'green' = 'blue',
  further: Readonly<Record<string, string>> = {},
): string {
  const text = readFileSync(join(import.meta.dirname, 'rivals', template), 'utf8');
  const path = join(placement.directory, template);
  const { directory, listen, admin, blue, green } = placement;
  const values = { DIRECTORY: directory, LISTEN: listen, ADMIN: admin, BLUE: blue, GREEN: green };
  writeFileSync(path, fillTemplate(text, { ...values, ACTIVE: placement[active], ...further }));
  return path;
}

/** The path of Tidegate's command line. */
export const tidegateProgram = join(root, 'bin', 'tidegate.js');

function relay(file: string, placement: Placement): Launch {
  const ports = ['--listen', String(placement.listen), '--upstream', String(placement.blue)];
  return {
    command: process.execPath,
    args: [join(import.meta.dirname, file), ...ports],
    readiness: { port: placement.listen },
  };
}

function library(name: string, title: string): Contender {
  return {
    name,
    title,
    everyShape: false,
    version() {
      const path = join(root, 'node_modules', name === 'node-undici' ? 'undici' : name, 'package.json');
      return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version : null;
    },
    launch: (placement) => relay(`rivals/${name}.ts`, placement),
  };
}

function server(
  name: string,
  title: string,
  versionArgs: readonly string[],
  launch: (placement: Placement, command: string) => Omit<Launch, 'command' | 'readiness'>,
): Contender {
  return {
    name,
    title,
    everyShape: true,
    version() {
      const path = findProgram(name);
      return path === null ? null : programVersion(path, versionArgs);
    },
    launch(placement) {
      const command = findProgram(name) ?? name;
      return { command, readiness: { port: placement.listen }, ...launch(placement, command) };
    },
  };
}

/** All contenders, in the order in which they take turns. */
export const contenders: readonly Contender[] = [
  server('nginx', 'nginx', ['-v'], (placement) => {
    // nginx's worker runs as another user when the bench runs as root, and must reach its directories for large bodies.
    chmodSync(placement.directory, 0o755);
    return { args: ['-p', placement.directory, '-e', 'stderr', '-c', writeConfig('nginx.conf', placement)] };
  }),
  server('haproxy', 'HAProxy', ['-v'], (placement) => ({
    args: ['-db', '-f', writeConfig('haproxy.cfg', placement)],
  })),
  {
    name: 'responder',
    title: 'raw `net` server that answers by itself (no proxy)',
    everyShape: false,
    version: () => process.versions.node,
    launch: (placement) => ({
      command: process.execPath,
      args: [join(import.meta.dirname, 'floor', 'responder.ts'), '--listen', String(placement.listen)],
      readiness: { port: placement.listen },
    }),
  },
  {
    name: 'blind-relay',
    title: 'blind TCP relay in Node (`net`, no HTTP): the floor of this runtime',
    everyShape: true,
    version: () => process.versions.node,
    launch: (placement) => relay('floor/blind-relay.ts', placement),
  },
  {
    name: 'tidegate',
    title: '**Tidegate**',
    everyShape: true,
    version() {
      if (!existsSync(tidegateProgram)) return null;
      return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
    },
    launch: (placement) => ({
      command: process.execPath,
      args: [tidegateProgram, 'run', '--config', writeConfig('tidegate.yaml', placement)],
      readiness: { url: `http://127.0.0.1:${placement.admin}/readyz` },
    }),
  },
  library('node-undici', '`node:http` with undici `dispatch` behind it'),
  library('fast-proxy', 'fast-proxy'),
  server('caddy', 'Caddy', ['version'], (placement) => ({
    args: ['run', '--adapter', 'caddyfile', '--config', writeConfig('Caddyfile', placement)],
    env: caddyEnvironment(placement),
  })),
  library('httpxy', 'httpxy'),
  library('http-proxy', 'http-proxy'),
];

/** The environment that keeps Caddy to one processor and to its own directory. */
export function caddyEnvironment(placement: Placement): Record<string, string> {
  const { directory } = placement;
  return { GOMAXPROCS: '1', HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory };
}

/** The contender of that name; throws on a name that is not in the table. */
export function contenderNamed(name: string): Contender {
  const contender = contenders.find((candidate) => candidate.name === name);
  if (contender === undefined) {
    throw new Error(`there is no contender ${name}; there are ${contenders.map((each) => each.name).join(', ')}`);
  }
  return contender;
}
