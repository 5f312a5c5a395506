/**
 * Clients that are a burden: a process that opens many connections and keeps them.
 *
 * Manners: `idle` sends nothing, and what is closed stays closed; `served` has one request answered and then waits;
 * `slow-head` sends a request head byte by byte, one each beat, and never ends it, and opens again what is closed. Each few
 * thousand come from another loopback address, since one has only so many ports.
 *
 * No more than so many are on their way in at a time: until they are connected, and `served` ones until they are answered, so
 * that a proxy on a busy machine gets them no faster than it takes them.
 *
 * Arguments: port, how many, manner, beat in milliseconds, how many at a time. Reports how many are open five times a second.
 */
import { connect, type Socket } from 'node:net';
import type { CrowdReport, Manner } from './crowd.ts';

const BATCH_EVERY_MS = 20;
const PER_SOURCE = 5000;
const HEAD = `GET / HTTP/1.1\r\nHost: shop.test\r\nX-Slow: ${'a'.repeat(200)}\r\n`;

const [port = '0', count = '0', manner = 'idle', beat = '1000', atOnce = '100'] = process.argv.slice(2);
const wanted = Number(count);
const open = new Set<Socket>();
const cursors = new Map<Socket, number>();
let begun = 0;
let opened = 0;
let closed = 0;
let refused = 0;
let onTheirWay = 0;

function dial(): void {
  const index = begun;
  begun += 1;
  let isOpen = false;
  let isIn = false;
  const come = (): void => {
    if (!isIn) onTheirWay -= 1;
    isIn = true;
  };
  onTheirWay += 1;
  const localAddress = `127.0.78.${1 + Math.floor((index % wanted) / PER_SOURCE)}`;
  const socket = connect({ host: '127.0.0.1', port: Number(port), localAddress, noDelay: true });
  socket.on('connect', () => {
    isOpen = true;
    opened += 1;
    open.add(socket);
    if ((manner as Manner) !== 'served') come();
    else socket.write('GET /crowd HTTP/1.1\r\nHost: shop.test\r\n\r\n');
    // The beats of the crowd are spread over time as those of many attackers are.
    if ((manner as Manner) === 'slow-head') cursors.set(socket, -(index % 10));
  });
  socket.on('data', come);
  socket.on('error', () => {});
  socket.on('close', () => {
    come();
    cursors.delete(socket);
    open.delete(socket);
    if (isOpen) closed += 1;
    else refused += 1;
  });
}

setInterval(() => {
  const missing = Math.min(
    Number(atOnce) - onTheirWay,
    wanted - ((manner as Manner) === 'slow-head' ? open.size : begun),
  );
  for (let each = 0; each < missing; each++) dial();
}, BATCH_EVERY_MS);

setInterval(() => {
  for (const [socket, cursor] of cursors) {
    cursors.set(socket, cursor + 1);
    if (cursor >= 0 && cursor % 10 === 0) socket.write(HEAD[Math.min(cursor / 10, HEAD.length - 1)]!);
  }
}, Number(beat) / 10);

setInterval(() => process.send?.({ open: open.size, opened, closed, refused } satisfies CrowdReport), 200);
process.on('disconnect', () => process.exit(0));
