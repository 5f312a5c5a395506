/**
 * A DNS server on the loopback address that answers what a test tells it, and counts what it is asked.
 *
 * It knows the least of RFC 1035 that a stub resolver needs: one question in each query, A and AAAA records, and codes.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIP } from 'node:net';
import type { Cleaning } from './tidegate.ts';

/** What a question about a name comes to; addresses are sorted into the families that are asked for. */
export type DnsScript =
  | { readonly addresses: readonly string[]; readonly ttlS: number }
  | 'no-such-name'
  | 'failure'
  | 'silence';

const A = 1;
const AAAA = 28;
const HEADER_BYTES = 12;
const NO_ERROR = 0;
const SERVER_FAILURE = 2;
const NO_SUCH_NAME = 3;

export class DnsServer {
  /** By name in lower case; every other name does not exist. */
  readonly names = new Map<string, DnsScript>();
  /** What AAAA questions come to, where it is not what `names` says. */
  readonly v6 = new Map<string, DnsScript>();
  /** Questions for A records that have come, by name. */
  readonly asked = new Map<string, number>();
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (query, from) => {
      const answer = this.#answer(query);
      if (answer !== null) socket.send(answer, from.port, from.address);
    });
  }

  static async open(t: Cleaning): Promise<DnsServer> {
    const socket = createSocket('udp4');
    const server = new DnsServer(socket);
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    t.teardown(() => socket.close());
    return server;
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  askedFor(name: string): number {
    return this.asked.get(name) ?? 0;
  }

  #answer(query: Buffer): Buffer | null {
    const { name, end } = questionOf(query);
    const type = query.readUInt16BE(end - 4);
    if (type === A) this.asked.set(name, this.askedFor(name) + 1);
    const script = (type === AAAA ? this.v6.get(name) : undefined) ?? this.names.get(name) ?? 'no-such-name';
    switch (script) {
      case 'silence':
        return null;
      case 'failure':
        return replyTo(query, end, SERVER_FAILURE, []);
      case 'no-such-name':
        return replyTo(query, end, NO_SUCH_NAME, []);
      default: {
        const family = type === AAAA ? 6 : 4;
        const own = script.addresses.filter((address) => isIP(address) === family);
        return replyTo(
          query,
          end,
          NO_ERROR,
          own.map((address) => recordOf(address, type, script.ttlS)),
        );
      }
    }
  }
}

function questionOf(query: Buffer): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = query[at]!; length !== 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 5 };
}

function replyTo(query: Buffer, questionEnd: number, code: number, records: readonly Buffer[]): Buffer {
  const head = Buffer.from(query.subarray(0, questionEnd));
  // An authoritative answer, recursion available.
  head.writeUInt16BE(0x8580 | code, 2);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt32BE(0, 8);
  return Buffer.concat([head, ...records]);
}

function recordOf(address: string, type: number, ttlS: number): Buffer {
  const data = type === A ? Buffer.from(address.split('.').map(Number)) : v6Bytes(address);
  const record = Buffer.alloc(12);
  record.writeUInt16BE(0xc000 | HEADER_BYTES, 0);
  record.writeUInt16BE(type, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(ttlS, 6);
  record.writeUInt16BE(data.length, 10);
  return Buffer.concat([record, data]);
}

/** Only addresses with `::` or eight groups, which is what tests write. */
function v6Bytes(address: string): Buffer {
  const [left = '', right] = address.split('::');
  const groups = (text: string | undefined): string[] => (text === undefined || text === '' ? [] : text.split(':'));
  const [before, after] = [groups(left), groups(right)];
  const all = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => '0'), ...after];
  const bytes = Buffer.alloc(16);
  for (const [index, group] of all.entries()) bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * index);
  return bytes;
}
