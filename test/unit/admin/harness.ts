/** A running admin API over a scripted control plane, a client that sends exact bytes, and the log as objects. */
import { connect, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import type { Test } from 'tap';
import type { AdminAccess } from '../../../src/admin/admission.ts';
import { type AdminOptions, type AdminServer, startAdmin } from '../../../src/admin/server.ts';
import { SLOW_DOWN } from '../../../src/admin/wrong-tokens.ts';
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
  readonly logged: Record<string, unknown>[];

  constructor(operations: ScriptedOperations, server: AdminServer, logged: Record<string, unknown>[]) {
    this.operations = operations;
    this.server = server;
    this.logged = logged;
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

/** Starts an admin API that ends with the test. */
export async function start(t: Test, given: Partial<AdminOptions & AdminAccess> = {}): Promise<Harness> {
  const { token = '', tokens = [], readsNeedToken = false, allowedHosts = [], ...options } = given;
  const access: AdminAccess = { token, tokens, readsNeedToken, allowedHosts };
  const operations = new ScriptedOperations();
  const logged: Record<string, unknown>[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (const line of chunk.toString('utf8').trim().split('\n')) logged.push(JSON.parse(line));
      done();
    },
  });
  const server = await startAdmin({
    operations,
    host: '127.0.0.1',
    port: 0,
    access: () => access,
    slowDown: { ...SLOW_DOWN, firstMs: 0 },
    log: pino({ level: 'trace' }, sink),
    version: '1.2.3',
    ...options,
  });
  t.teardown(() => server.close());
  return new Harness(operations, server, logged);
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
