/** A running admin API over a scripted control plane, a client that sends exact bytes, and the log as objects. */
import { connect, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { type Logger, pino } from 'pino';
import type { Test } from 'tap';
import type { AdminAccess } from '../../../src/admin/admission.ts';
import { Ofrep } from '../../../src/admin/ofrep.ts';
import { adminDoorRules, followed, type OfrepConfig } from '../../../src/admin/ofrep-rules.ts';
import { CHANGE_STREAM_LIMITS, type ChangeStreamLimits } from '../../../src/admin/ofrep-streams.ts';
import { type AdminOptions, type AdminServer, startAdmin } from '../../../src/admin/server.ts';
import { SLOW_DOWN } from '../../../src/admin/wrong-tokens.ts';
import { ScriptedFlags } from './scripted-flags.ts';
import { ScriptedOperations } from './scripted-operations.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

export interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string; readonly details: unknown };
}

/** A request as it is put on the wire; Host is the admin's own unless `host` says otherwise (null: none). */
export interface Ask {
  readonly method?: string;
  readonly path: string;
  readonly host?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export class Harness {
  readonly operations: ScriptedOperations;
  readonly server: AdminServer;
  readonly flags: ScriptedFlags;
  readonly ofrep: Ofrep;
  readonly logged: Record<string, unknown>[];

  constructor(parts: Pick<Harness, 'operations' | 'server' | 'flags' | 'ofrep' | 'logged'>) {
    this.operations = parts.operations;
    this.server = parts.server;
    this.flags = parts.flags;
    this.ofrep = parts.ofrep;
    this.logged = parts.logged;
  }

  get own(): string {
    return `127.0.0.1:${this.server.address.port}`;
  }

  /** Sends one request and reads its answer to the end of the connection. */
  ask({ method = 'GET', path, host = this.own, headers = {}, body = '' }: Ask): Promise<Answer> {
    const lines = [`${method} ${path} HTTP/1.1`];
    if (host !== null) lines.push(`Host: ${host}`);
    for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
    if (body !== '') lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
    lines.push('Connection: close');
    return this.raw(`${lines.join('\r\n')}\r\n\r\n${body}`);
  }

  /** A changing call that keeps all the rules, unless `headers` says otherwise. */
  change(method: 'PUT' | 'POST', path: string, body: unknown = '', headers: Ask['headers'] = {}): Promise<Answer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return this.ask({ method, path, headers: { 'Content-Type': 'application/json', ...headers }, body: text });
  }

  /** Sends bytes and reads the answer to the end of the connection. */
  async raw(bytes: string): Promise<Answer> {
    const socket = await this.connect();
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    // The server may close before it has taken all bytes; what it answered is still read.
    socket.on('error', () => {});
    socket.write(bytes, 'latin1');
    await closed;
    return parseAnswer(Buffer.concat(chunks).toString('utf8'));
  }

  connect(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.server.address.port, '127.0.0.1', () => {
        socket.off('error', reject);
        resolve(socket);
      });
      socket.once('error', reject);
    });
  }

  /** Log lines with this key. */
  lines(key: string): Record<string, unknown>[] {
    return this.logged.filter((line) => key in line);
  }
}

/** What a config without `ofrep:` says of it. */
export const OFREP: OfrepConfig['ofrep'] = {
  address: undefined,
  public: false,
  tokens: [],
  origins: [],
  allowedHosts: [],
  baseUrl: undefined,
  limits: { bodyBytes: 65_536, attributes: 256, depth: 8, streams: 1_000 },
};

/** What a test may say of the admin API that it starts. */
export interface Given extends Partial<Omit<AdminOptions, 'ofrep'> & AdminAccess> {
  readonly ofrep?: Partial<OfrepConfig['ofrep']> | undefined;
  readonly changeStreams?: Partial<ChangeStreamLimits> | undefined;
}

/** Answers about scripted flags, and the door to them at the admin address. */
export function scriptedOfrep({
  access = { token: '', tokens: [], readsNeedToken: false, allowedHosts: [] },
  ofrep = {},
  changeStreams = {},
  log = pino({ level: 'silent' }),
}: {
  readonly access?: AdminAccess;
  readonly ofrep?: Given['ofrep'];
  readonly changeStreams?: Given['changeStreams'];
  readonly log?: Logger;
} = {}) {
  const address = { host: '127.0.0.1', port: 0 };
  const config = { admin: { ...access, address }, ofrep: { ...OFREP, ...ofrep }, environment: 'production' };
  const flags = new ScriptedFlags();
  const streamLimits = { ...CHANGE_STREAM_LIMITS, ...changeStreams };
  const answers = new Ofrep({ flags, config: () => config, log, streamLimits });
  const door = { answers, rules: followed(() => config, adminDoorRules), streamsMax: config.ofrep.limits.streams };
  return { answers, flags, config, door };
}

/** Starts an admin API that ends with the test. */
export async function start(t: Test, given: Given = {}): Promise<Harness> {
  const {
    token = '',
    tokens = [],
    readsNeedToken = false,
    allowedHosts = [],
    ofrep,
    changeStreams,
    ...options
  } = given;
  const access: AdminAccess = { token, tokens, readsNeedToken, allowedHosts };
  const operations = new ScriptedOperations();
  const logged: Record<string, unknown>[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (const line of chunk.toString('utf8').trim().split('\n')) logged.push(JSON.parse(line));
      done();
    },
  });
  const log = pino({ level: 'trace' }, sink);
  const { answers, flags, door } = scriptedOfrep({ access, ofrep, changeStreams, log });
  const server = await startAdmin({
    operations,
    host: '127.0.0.1',
    port: 0,
    access: () => access,
    slowDown: { ...SLOW_DOWN, firstMs: 0 },
    log,
    version: '1.2.3',
    ofrep: door,
    ...options,
  });
  t.teardown(() => {
    answers.close();
    return server.close();
  });
  return new Harness({ operations, server, flags, ofrep: answers, logged });
}

export function errorOf(answer: Answer): ErrorBody['error'] {
  return (JSON.parse(answer.text) as ErrorBody).error;
}

function parseAnswer(text: string): Answer {
  const end = text.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { status: Number(statusLine.split(' ')[1] ?? 0), headers, text: text.slice(end + 4) };
}
