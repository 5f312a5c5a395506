/**
 * The upstream of the harness: reads requests with a small strict parser of its own, compares each with what its client
 * sent, and answers as its script says.
 *
 * The parser knows only what Tidegate should send. Whatever it cannot read, or does not know, is a finding. A connection that
 * it has ended itself is still read: a request that was on its way there is allowed, a stranger is not.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Answer } from './answers.ts';
import type { Entry, Ledger } from './ledger.ts';
import { isIdempotent, isSafeToRepeat } from './verdict.ts';

const FIELD_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)$/;
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\/[\x21\x22\x24-\x7e]*) HTTP\/1\.1$/;

/** What Tidegate adds to what it passes on, each once at most. */
const ADDED = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'trailer',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'forwarded',
  'via',
  'x-request-id',
  'traceparent',
  'connection',
  'te',
]);

export class Recorder {
  readonly ledger: Ledger;
  /** Heads of requests that have come. */
  seen = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, ledger: Ledger) {
    this.#server = server;
    this.ledger = ledger;
  }

  static async start(ledger: Ledger): Promise<Recorder> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const recorder = new Recorder(server, ledger);
    server.on('connection', (socket) => {
      recorder.#sockets.add(socket);
      socket.once('close', () => recorder.#sockets.delete(socket));
      new RecorderEnd(socket, recorder);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return recorder;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

class RecorderEnd {
  readonly #socket: Socket;
  readonly #recorder: Recorder;
  readonly #ledger: Ledger;
  #text = '';
  #name = 'unknown';
  #entry: Entry | null = null;
  #state: 'head' | 'length' | 'size' | 'data' | 'trailers' | 'lost' = 'head';
  #remaining = 0;
  #body = '';
  #trailers = '';
  /** The last answer of the connection. */
  #answered: Answer | null = null;
  #answer: 'none' | 'sending' | 'sent' = 'none';
  #over = false;

  constructor(socket: Socket, recorder: Recorder) {
    this.#socket = socket;
    this.#recorder = recorder;
    this.#ledger = recorder.ledger;
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('close', () => this.#checkBody());
    socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1');
      while (this.#step());
    });
  }

  /** Takes one part of the grammar; false when it is not complete, or nothing can be read any more. */
  #step(): boolean {
    switch (this.#state) {
      case 'head':
        return this.#readHead();
      case 'length':
        this.#takeBody();
        if (this.#remaining > 0) return false;
        this.#whole();
        return true;
      case 'size':
        return this.#readSize();
      case 'data':
        this.#takeBody();
        if (this.#remaining > 0 || this.#text.length < 2) return false;
        if (!this.#text.startsWith('\r\n')) return this.#lose('a chunk without end');
        this.#text = this.#text.slice(2);
        this.#state = 'size';
        return true;
      case 'trailers':
        return this.#readTrailers();
      case 'lost':
        return false;
      default:
        return this.#state satisfies never;
    }
  }

  #readHead(): boolean {
    if (this.#text === '') return false;
    if (this.#answer === 'sending')
      this.#ledger.problem(this.#name, 'bytes of another request before its answer was sent');
    const end = this.#text.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const [line, ...lines] = this.#text.slice(0, end).split('\r\n');
    this.#text = this.#text.slice(end + 4);
    this.#recorder.seen++;
    const isSpoilt = this.#answered?.spoils === true;
    this.#answered = null;
    this.#entry = null;
    this.#body = '';
    this.#trailers = '';
    this.#answer = 'none';
    const [, method, target] = REQUEST_LINE.exec(line!) ?? [];
    this.#name = /^\/f\/([\w-]+)\?/.exec(target ?? '')?.[1] ?? 'unknown';
    const entry = this.#ledger.entry(this.#name);
    if (entry === undefined) return this.#lose(`nobody has sent this: ${JSON.stringify([line, ...lines])}`);
    const problem = this.#headProblem(entry, method!, target!, lines);
    if (problem !== '') return this.#lose(`${problem}: ${JSON.stringify([line, ...lines])}`);
    if (isSpoilt) this.#ledger.problem(this.#name, 'on a connection that had more bytes than it was asked for');
    this.#entry = entry;
    entry.heads++;
    // A head that is lost with a connection that was closed under it may come again, and a body may not.
    if (entry.heads > (isIdempotent(entry.scripted) ? 2 : 1))
      this.#ledger.problem(this.#name, `seen ${entry.heads} times`);
    if (entry.scripted.answer.early) this.#send(entry);
    return this.#frame(lines);
  }

  #headProblem({ scripted, forbidden }: Entry, method: string, target: string, lines: readonly string[]): string {
    const head = scripted.head;
    if (forbidden || head === null) return 'it must not be seen';
    if (method !== head.method || target !== head.forwardTarget) return 'another request line';
    const passedOn = head.passOn.split('\r\n').slice(0, -1);
    if (`${lines.slice(1, 1 + passedOn.length).join('\r\n')}` !== passedOn.join('\r\n')) return 'other fields';
    const names = new Set<string>();
    for (const line of [lines[0]!, ...lines.slice(1 + passedOn.length)]) {
      const name = (FIELD_LINE.exec(line)?.[1] ?? '').toLowerCase();
      if (!ADDED.has(name) || names.has(name)) return `a field more (${line})`;
      names.add(name);
    }
    return names.has('host') ? '' : 'no host';
  }

  #frame(lines: readonly string[]): boolean {
    const values = (wanted: string): string[] =>
      lines.flatMap((line) => {
        const [, name, value] = FIELD_LINE.exec(line) ?? [];
        return name?.toLowerCase() === wanted ? [value!] : [];
      });
    const lengths = values('content-length');
    const encodings = values('transfer-encoding');
    if (lengths.length + encodings.length > 1) return this.#lose('framed twice');
    if (encodings.length === 1) {
      if (encodings[0] !== 'chunked') return this.#lose(`framed as ${encodings[0]}`);
      this.#state = 'size';
      return true;
    }
    const length = lengths[0] ?? '0';
    if (!/^(0|[1-9]\d*)$/.test(length)) return this.#lose(`of length ${length}`);
    this.#remaining = Number(length);
    this.#state = 'length';
    return true;
  }

  #takeBody(): void {
    const data = this.#text.slice(0, this.#remaining);
    this.#text = this.#text.slice(data.length);
    this.#remaining -= data.length;
    this.#body += data;
  }

  #readSize(): boolean {
    const end = this.#text.indexOf('\r\n');
    if (end < 0) return false;
    const size = this.#text.slice(0, end);
    if (!/^(0|[1-9a-f][0-9a-f]*)$/.test(size)) return this.#lose(`the chunk size ${JSON.stringify(size)}`);
    this.#text = this.#text.slice(end + 2);
    this.#remaining = Number.parseInt(size, 16);
    this.#state = this.#remaining === 0 ? 'trailers' : 'data';
    return true;
  }

  #readTrailers(): boolean {
    const end = this.#text.indexOf('\r\n');
    if (end < 0) return false;
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 2);
    if (line === '') this.#whole();
    else this.#trailers += `${line}\r\n`;
    return true;
  }

  #whole(): void {
    const entry = this.#entry!;
    entry.wholes++;
    this.#state = 'head';
    this.#entry = null;
    const { kind, body, trailers } = entry.scripted;
    if (entry.wholes > (isSafeToRepeat(entry.scripted) ? 2 : 1))
      this.#ledger.problem(this.#name, `whole ${entry.wholes} times`);
    if (kind !== 'valid') this.#ledger.problem(this.#name, `whole though it is ${kind}`);
    if (!entry.sentWhole) this.#ledger.problem(this.#name, 'whole though its client has not sent all of it');
    if (this.#body !== body) this.#ledger.problem(this.#name, `another body: ${JSON.stringify(this.#body)}`);
    if (this.#trailers !== trailers)
      this.#ledger.problem(this.#name, `other trailers: ${JSON.stringify(this.#trailers)}`);
    if (!entry.scripted.answer.early) this.#send(entry);
  }

  /** A body that was cut must be the beginning of the one that was sent. */
  #checkBody(): void {
    if (this.#entry === null || this.#entry.scripted.body.startsWith(this.#body)) return;
    this.#ledger.problem(this.#name, `a body that was not sent: ${JSON.stringify(this.#body)}`);
  }

  #send({ scripted: { answer } }: Entry): void {
    if (this.#over) return;
    this.#answered = answer;
    this.#answer = 'sending';
    const next = (index: number): void => {
      if (this.#socket.destroyed) return;
      if (index < answer.pieces.length) {
        const isLast = index === answer.pieces.length - 1;
        // From its last byte on, the next request may come.
        if (isLast && answer.after === 'keep') this.#answer = 'sent';
        this.#socket.write(answer.pieces[index]!, 'latin1');
        if (!isLast) {
          setImmediate(next, index + 1);
          return;
        }
      }
      this.#answer = 'sent';
      if (answer.after === 'keep') return;
      this.#over = true;
      if (answer.after === 'end') this.#socket.end();
      else this.#socket.resetAndDestroy();
    };
    next(0);
  }

  #lose(what: string): false {
    this.#ledger.problem(this.#name, what);
    this.#state = 'lost';
    this.#socket.destroy();
    return false;
  }
}
