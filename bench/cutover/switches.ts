/**
 * How each proxy is told to move all traffic to the other upstream, as its operators do it.
 *
 * nginx and Caddy: the file is edited and the reload command run. HAProxy: two weights by the runtime API on its
 * socket. Tidegate: by the admin API, and again by the command line, whose time includes the start of a Node process.
 * The command has returned when the tool has ended or the answer has been read; that is the moment from which an
 * operator believes that the traffic has moved.
 */
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import {
  type Contender,
  caddyEnvironment,
  contenderNamed,
  type Placement,
  tidegateProgram,
  writeConfig,
} from '../contenders.ts';
import type { Nursery } from '../processes.ts';
import { findProgram } from '../programs.ts';
import type { Colour } from './account.ts';

const commandSecondsMax = 20;

/** One way to switch. `move` resolves when the command has returned, and rejects when it was refused. */
export interface Switch {
  readonly name: string;
  readonly title: string;
  readonly contender: Contender;
  readonly move: (to: Colour, placement: Placement, nursery: Nursery) => Promise<void>;
}

/** All switches, in the order of the report. */
export const switches: readonly Switch[] = [
  {
    name: 'nginx-reload',
    title: 'nginx, edit and `nginx -s reload`',
    contender: contenderNamed('nginx'),
    async move(to, placement, nursery) {
      const args = ['-p', placement.directory, '-e', 'stderr', '-c', writeConfig('nginx.conf', placement, to)];
      await command(nursery, 'nginx', findProgram('nginx')!, [...args, '-s', 'reload']);
    },
  },
  {
    name: 'haproxy-runtime-api',
    title: 'HAProxy, weights by the runtime API',
    contender: contenderNamed('haproxy'),
    async move(to, placement) {
      const from = to === 'blue' ? 'green' : 'blue';
      const socket = connect(join(placement.directory, 'haproxy.sock'));
      let answer = '';
      socket.setEncoding('latin1').on('data', (text: string) => {
        answer += text;
      });
      socket.write(`set weight app/${to} 100; set weight app/${from} 0\n`);
      await once(socket, 'close');
      if (answer.trim() !== '') throw new Error(`HAProxy answered ${answer.trim()}`);
    },
  },
  {
    name: 'caddy-reload',
    title: 'Caddy, edit and `caddy reload`',
    contender: contenderNamed('caddy'),
    async move(to, placement, nursery) {
      const args = ['reload', '--adapter', 'caddyfile', '--config', writeConfig('Caddyfile', placement, to)];
      await command(nursery, 'caddy', findProgram('caddy')!, args, caddyEnvironment(placement));
    },
  },
  {
    name: 'tidegate-api',
    title: '**Tidegate**, `PUT /api/services/shop/traffic`',
    contender: contenderNamed('tidegate'),
    async move(to, placement) {
      const body = JSON.stringify({ blue: to === 'blue' ? 100 : 0, green: to === 'green' ? 100 : 0 });
      const path = '/api/services/shop/traffic';
      const headers = { 'content-type': 'application/json', 'content-length': body.length };
      const req = request({ host: '127.0.0.1', port: placement.admin, path, method: 'PUT', headers, agent: false });
      req.end(body);
      const [res] = (await once(req, 'response')) as [import('node:http').IncomingMessage];
      let answer = '';
      for await (const text of res.setEncoding('utf8')) answer += text;
      if (res.statusCode !== 200) throw new Error(`Tidegate answered ${res.statusCode}: ${answer}`);
    },
  },
  {
    name: 'tidegate-cli',
    title: '**Tidegate**, `tidegate flip shop --to POOL`',
    contender: contenderNamed('tidegate'),
    async move(to, placement, nursery) {
      const target = ['--to', to, '--admin', `http://127.0.0.1:${placement.admin}`];
      await command(nursery, 'tidegate flip', process.execPath, [tidegateProgram, 'flip', 'shop', ...target]);
    },
  },
];

async function command(
  nursery: Nursery,
  name: string,
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  await nursery.run({ name, command: program, args, env, side: 'anywhere', secondsMax: commandSecondsMax });
}
