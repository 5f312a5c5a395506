/**
 * An upstream that remembers which requests reached it, and when: one side, blue or green, of the cutover scenario.
 *
 * The request's number is its path (`GET /123`), so that the account can be joined with the client's without trusting
 * any proxy to keep a header. Every arrival is written down, also of a request whose answer is lost afterwards: what
 * counts is where a request went.
 */
import { createServer } from 'node:net';
import { parseArgs } from 'node:util';
import { monotonicUs } from './clock.ts';
import { hand, requestsMax, type WitnessAccount } from './messages.ts';

const { values } = parseArgs({ options: { listen: { type: 'string' } } });

const requests = new Uint32Array(requestsMax);
const arrivedUs = new Float64Array(requestsMax);
let arrivals = 0;

const body = 'Hello, tide!\n';
const fields = `Content-Type: text/plain\r\nContent-Length: ${body.length}`;
const keepAlive = Buffer.from(`HTTP/1.1 200 OK\r\n${fields}\r\n\r\n${body}`, 'latin1');
const closing = Buffer.from(`HTTP/1.1 200 OK\r\n${fields}\r\nConnection: close\r\n\r\n${body}`, 'latin1');

function record(head: string): void {
  const request = Number(/^GET \/(\d+) /.exec(head)?.[1]);
  if (!Number.isInteger(request) || arrivals === requestsMax) return;
  requests[arrivals] = request;
  arrivedUs[arrivals] = monotonicUs();
  arrivals++;
}

createServer({ noDelay: true }, (socket) => {
  let pending = '';
  socket.on('data', (bytes: Buffer) => {
    const head = pending + bytes.toString('latin1');
    if (!head.endsWith('\r\n\r\n')) {
      pending = head.slice(0, 65_536);
      return;
    }
    pending = '';
    record(head);
    if (/\r\nconnection: *close\r\n/i.test(head)) socket.end(closing);
    else socket.write(keepAlive);
  });
  socket.on('error', () => socket.destroy());
}).listen({ host: '127.0.0.1', port: Number(values.listen), backlog: 4096 });

process.once('message', () => {
  const account: WitnessAccount = { requests: requests.slice(0, arrivals), arrivedUs: arrivedUs.slice(0, arrivals) };
  hand(account);
});
