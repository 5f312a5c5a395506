/**
 * The thread behind `Crowd`: both upstreams and all their clients, away from the thread that moves traffic, so that the
 * moment of an answer is not blurred by the load.
 *
 * A request carries the moment at which it left in `x-started`, and the upstream notes it beside the moment of arrival.
 * Nothing is judged here.
 */
import type { IncomingMessage } from 'node:http';
import { parentPort } from 'node:worker_threads';
import { WebSocket, WebSocketServer } from 'ws';
import { clockUs } from './clock.ts';
import type { Arrivals, CrowdAccount, CrowdOrder, CrowdReport } from './crowd.ts';
import { fieldOf, type Incoming, Load, type Outgoing } from './load.ts';
import { sayVersion, Upstream } from './upstream.ts';

const PIECE = 'x'.repeat(2000);
const BODY_LATER_MS = 15;
const ECHO_EVERY_MS = 10;
const SOCKET_EVERY_MS = 40;

const port = parentPort!;
const cleaners: (() => unknown)[] = [];
const cleaning = { teardown: (clean: () => unknown): unknown => cleaners.push(clean) };

/** An upstream that notes when each request left and arrived, and echoes what comes over WebSockets. */
async function startSide(version: string): Promise<{ upstream: Upstream; arrivals: Arrivals }> {
  const arrivals: Arrivals = { startedUs: [], arrivedUs: [] };
  const note = (req: IncomingMessage): void => {
    arrivals.startedUs.push(Number(req.headers['x-started']));
    arrivals.arrivedUs.push(clockUs());
  };
  const upstream = await Upstream.start(cleaning, version, (req, res, self) => {
    note(req);
    sayVersion(req, res, self);
  });
  const sockets = new WebSocketServer({ server: upstream.server });
  sockets.on('connection', (socket, req) => {
    note(req);
    socket.on('message', (data, binary) => socket.send(data, { binary }));
    socket.on('error', () => {});
  });
  return { upstream, arrivals };
}

const blue = await startSide('v1');
const green = await startSide('v2');
let loads: Load[] = [];
let lasting: WebSocket[] = [];
const account = { echoes: 0, sockets: 0, socketFailures: [] as string[] };
let pause: NodeJS.Timeout | undefined;

function get(number: number, startedUs: number): Outgoing {
  return { bytes: `GET /${number} HTTP/1.1\r\nHost: shop.test\r\nX-Started: ${startedUs}\r\n\r\n` };
}

/** Every second body is chunked; half of each comes later. */
function post(number: number, startedUs: number): Outgoing {
  const head = `POST /${number} HTTP/1.1\r\nHost: shop.test\r\nX-Started: ${startedUs}\r\n`;
  const later = { laterMs: BODY_LATER_MS };
  if (number % 2 === 0) {
    return { bytes: `${head}Content-Length: ${2 * PIECE.length}\r\n\r\n${PIECE}`, later: PIECE, ...later };
  }
  const chunk = `${PIECE.length.toString(16)}\r\n${PIECE}\r\n`;
  return { bytes: `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}`, later: `${chunk}0\r\n\r\n`, ...later };
}

function judgePost(answer: Incoming): string | null {
  if (answer.status !== 200) return `status ${answer.status}: ${answer.body.trim()}`;
  const bytes = fieldOf(answer, 'x-body-bytes');
  return bytes === String(2 * PIECE.length) ? null : `the upstream has read ${bytes} bytes of the body`;
}

function judgeGet(answer: Incoming): string | null {
  return answer.status === 200 ? null : `status ${answer.status}: ${answer.body.trim()}`;
}

/** A WebSocket that stays open and echoes until the end. */
function openLasting(at: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${at}/lasting`, { headers: { 'x-started': String(clockUs()) } });
    let sent = 0;
    socket.on('open', () => {
      lasting.push(socket);
      socket.send(String(sent));
      resolve();
    });
    socket.on('message', (data) => {
      if (String(data) !== String(sent)) account.socketFailures.push(`echo ${data} for ${sent}`);
      account.echoes += 1;
      sent += 1;
      setTimeout(() => socket.readyState === WebSocket.OPEN && socket.send(String(sent)), ECHO_EVERY_MS);
    });
    socket.on('error', (error) => {
      account.socketFailures.push(error.message);
      reject(error);
    });
    socket.on('close', (code) => {
      if (lasting.includes(socket)) account.socketFailures.push(`closed with ${code}`);
    });
  });
}

/** A WebSocket that is opened, echoes once and is closed. */
function openBriefly(at: number): void {
  const socket = new WebSocket(`ws://127.0.0.1:${at}/brief`, { headers: { 'x-started': String(clockUs()) } });
  socket.on('open', () => socket.send('brief'));
  socket.on('message', () => {
    account.sockets += 1;
    socket.close(1000);
  });
  socket.on('error', (error) => account.socketFailures.push(error.message));
}

async function begin({ port: at, keepAlive, fresh, posts, sockets }: CrowdOrder & { kind: 'begin' }): Promise<void> {
  await Promise.all(Array.from({ length: sockets }, () => openLasting(at)));
  const kinds = [
    { clients: keepAlive, keepAlive: true, make: get, judge: judgeGet },
    { clients: fresh, keepAlive: false, make: get, judge: judgeGet },
    { clients: posts, keepAlive: true, make: post, judge: judgePost },
  ];
  loads = kinds.filter(({ clients }) => clients > 0).map((kind) => new Load({ port: at, ...kind }));
  if (sockets > 0) pause = setInterval(() => openBriefly(at), SOCKET_EVERY_MS);
}

async function end(): Promise<CrowdAccount> {
  clearInterval(pause);
  await Promise.all(loads.map((load) => load.stop()));
  const open = lasting.filter((socket) => socket.readyState === WebSocket.OPEN).length;
  const closing = lasting;
  lasting = [];
  await Promise.all(
    closing.map(
      (socket) =>
        new Promise((resolve) => {
          if (socket.readyState === WebSocket.CLOSED) resolve(null);
          socket.once('close', resolve);
          socket.close(1000);
        }),
    ),
  );
  return {
    sent: loads.reduce((sum, load) => sum + load.sent, 0),
    answered: loads.reduce((sum, load) => sum + load.answered, 0),
    failures: loads.flatMap((load) => load.failures),
    blue: blue.arrivals,
    green: green.arrivals,
    ...account,
    lastingOpen: open,
  };
}

function report(message: CrowdReport): void {
  port.postMessage(message);
}

port.on('message', (order: CrowdOrder) => {
  switch (order.kind) {
    case 'begin':
      begin(order).then(
        () => report({ kind: 'begun' }),
        (error: Error) => report({ kind: 'broken', message: error.message }),
      );
      return;
    case 'answered':
      report({ kind: 'answered', count: loads.reduce((sum, load) => sum + load.answered, 0) });
      return;
    case 'end':
      end().then(
        (account) => report({ kind: 'account', account }),
        (error: Error) => report({ kind: 'broken', message: error.message }),
      );
      return;
    default:
      order satisfies never;
  }
});
report({ kind: 'ready', blue: blue.upstream.address, green: green.upstream.address });
