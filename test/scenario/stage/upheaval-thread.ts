/**
 * The thread behind `upheaval`: three upstreams and all clients, away from the thread that moves traffic.
 *
 * Every request asks for something that nobody else asks for, and says so again in its answer: an answer that is not the
 * one that was asked for is seen, and so is an upload that did not arrive as it was sent, since its digest comes back. A
 * WebSocket's messages carry its name and their number, and come back with the name of the pool that it began on.
 */
import { createHash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { WebSocket, WebSocketServer } from 'ws';
import { clockUs } from './clock.ts';
import { type Incoming, Load, type Outgoing } from './load.ts';
import type { ThreadOrder, ThreadReport } from './upheaval.ts';
import { Upstream } from './upstream.ts';

const PIECE_BYTES = 6000;
const LATER_MS = 15;
const ECHO_EVERY_MS = 15;
const SOCKET_EVERY_MS = 60;
const REASONS_MAX = 50;

const port = parentPort!;
const cleaning = { teardown: () => {} };

function digestOf(text: string): string {
  return createHash('sha256').update(text, 'latin1').digest('hex');
}

/** An upstream that answers with its name, the target and the digest of what it was sent. */
async function startSide(name: string): Promise<Upstream> {
  const upstream = await Upstream.start(cleaning, name, (req, res) => {
    const digest = createHash('sha256');
    req.on('data', (piece: Buffer) => digest.update(piece));
    req.on('end', () => {
      const body = `${name} ${req.url} ${digest.digest('hex')}\n`;
      res.writeHead(200, { 'content-length': body.length });
      res.end(body);
    });
  });
  new WebSocketServer({ server: upstream.server }).on('connection', (socket) => {
    socket.on('message', (data) => socket.send(`${name} ${data}`));
    socket.on('error', () => {});
  });
  return upstream;
}

const [blue, green, kept] = await Promise.all([startSide('blue'), startSide('green'), startSide('kept')]);
const served = { startedUs: [] as number[], endedUs: [] as number[], onGreen: [] as boolean[] };
const sockets = { opened: 0, echoes: 0, brief: 0, wrong: 0, lost: 0 };
const reasons: string[] = [];
let ending = false;

function note(reason: string): void {
  if (reasons.length < REASONS_MAX) reasons.push(reason);
}

function get(number: number): Outgoing {
  return { bytes: `GET /shop/get-${number} HTTP/1.1\r\nHost: shop.test\r\n\r\n` };
}

function getFresh(number: number): Outgoing {
  return { bytes: `GET /shop/fresh-${number} HTTP/1.1\r\nHost: shop.test\r\n\r\n` };
}

function getKept(number: number): Outgoing {
  return { bytes: `GET /kept/get-${number} HTTP/1.1\r\nHost: shop.test\r\n\r\n` };
}

function bodyOf(number: number): string {
  return `upload ${number}, `.repeat(PIECE_BYTES).slice(0, 2 * PIECE_BYTES);
}

/** Every second body is chunked; half of each comes later. */
function upload(number: number): Outgoing {
  const head = `POST /shop/upload-${number} HTTP/1.1\r\nHost: shop.test\r\n`;
  const body = bodyOf(number);
  const halves = [body.slice(0, PIECE_BYTES), body.slice(PIECE_BYTES)] as const;
  if (number % 2 === 0) {
    return { bytes: `${head}Content-Length: ${body.length}\r\n\r\n${halves[0]}`, later: halves[1], laterMs: LATER_MS };
  }
  const [first, second] = halves.map((half) => `${half.length.toString(16)}\r\n${half}\r\n`);
  return {
    bytes: `${head}Transfer-Encoding: chunked\r\n\r\n${first}`,
    later: `${second}0\r\n\r\n`,
    laterMs: LATER_MS,
  };
}

/** Judges an answer by every byte of its body; an answer of the shop is noted with the pool that gave it. */
function judge(target: string, sent: string): (answer: Incoming) => string | null {
  return ({ status, body, startedUs }) => {
    if (status !== 200) return `status ${status}: ${body.trim()}`;
    const pools = target.startsWith('/kept/') ? ['kept'] : ['blue', 'green'];
    const digest = digestOf(sent);
    const pool = pools.find((name) => body === `${name} ${target} ${digest}\n`);
    if (pool === undefined) return `wrong: ${JSON.stringify(body.slice(0, 200))} for ${target}`;
    if (pool !== 'kept') {
      served.startedUs.push(startedUs);
      served.endedUs.push(clockUs());
      served.onGreen.push(pool === 'green');
    }
    return null;
  };
}

/** A WebSocket that says something new until the end; resolves when it is open. */
function openLasting(at: number, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${at}/${name}`);
    let number = 0;
    let pool = '';
    const say = (): void => {
      if (socket.readyState === WebSocket.OPEN) socket.send(`${name} ${number}`);
    };
    socket.on('open', () => {
      sockets.opened += 1;
      lasting.push(socket);
      say();
      resolve();
    });
    socket.on('message', (data) => {
      const text = String(data);
      if (number === 0) pool = text.slice(0, text.indexOf(' '));
      if (text !== `${pool} ${name} ${number}`) {
        sockets.wrong += 1;
        note(`WebSocket wrong: ${text.slice(0, 100)} for ${name} ${number}`);
      }
      sockets.echoes += 1;
      number += 1;
      setTimeout(say, ECHO_EVERY_MS);
    });
    socket.on('error', (error) => {
      note(`WebSocket ${name}: ${error.message}`);
      reject(error);
    });
    socket.on('close', (code) => {
      if (ending) return;
      sockets.lost += 1;
      note(`WebSocket ${name} was closed with ${code}`);
    });
  });
}

let briefly = 0;

/** A WebSocket that is opened, echoes once and is closed. */
function openBriefly(at: number): Promise<void> {
  briefly += 1;
  const said = `brief ${briefly}`;
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${at}/shop/brief`);
    let heard = false;
    socket.on('open', () => socket.send(said));
    socket.on('message', (data) => {
      heard = true;
      if (!['blue', 'green'].some((pool) => String(data) === `${pool} ${said}`)) sockets.wrong += 1;
      socket.close(1000);
    });
    socket.on('error', (error) => note(`brief WebSocket: ${error.message}`));
    socket.on('close', () => {
      if (heard) sockets.brief += 1;
      else sockets.lost += 1;
      resolve();
    });
  });
}

let loads: Load[] = [];
const lasting: WebSocket[] = [];
const underWay = new Set<Promise<void>>();
let opening: NodeJS.Timeout | undefined;

async function begin({ port: at, clients }: ThreadOrder & { kind: 'begin' }): Promise<void> {
  const names = Array.from({ length: clients }, (_, index) => [`shop/lasting-${index}`, `kept/lasting-${index}`]);
  await Promise.all(names.flat().map((name) => openLasting(at, name)));
  const kind = (make: (number: number) => Outgoing, target: string, sent = (_: number) => '', keepAlive = true): Load =>
    new Load({
      port: at,
      clients,
      keepAlive,
      make,
      judge: (answer, number) => judge(`${target}-${number}`, sent(number))(answer),
    });
  loads = [
    kind(get, '/shop/get'),
    kind(getFresh, '/shop/fresh', () => '', false),
    kind(getKept, '/kept/get'),
    kind(upload, '/shop/upload', bodyOf),
  ];
  opening = setInterval(() => {
    const one = openBriefly(at);
    underWay.add(one);
    void one.then(() => underWay.delete(one));
  }, SOCKET_EVERY_MS);
}

async function end(): Promise<ThreadReport & { kind: 'account' }> {
  clearInterval(opening);
  await Promise.all([...loads.map((load) => load.stop()), ...underWay]);
  const alive = lasting.filter((socket) => socket.readyState === WebSocket.OPEN).length;
  ending = true;
  for (const socket of lasting) socket.terminate();
  const failures = loads.flatMap((load) => load.failures.map(({ reason }) => reason));
  for (const reason of failures) note(reason);
  const sum = (figure: (load: Load) => number): number => loads.reduce((total, load) => total + figure(load), 0);
  const wrong = failures.filter((reason) => reason.startsWith('wrong')).length;
  return {
    kind: 'account',
    sent: sum((load) => load.sent),
    answered: sum((load) => load.answered),
    lost: sum((load) => load.failed) - wrong,
    wrong,
    uploads: loads[3]!.answered,
    sockets: { ...sockets, alive },
    reasons,
    served,
  };
}

function report(message: ThreadReport): void {
  port.postMessage(message);
}

port.on('message', (order: ThreadOrder) => {
  const broken = (error: Error): void => report({ kind: 'broken', message: error.message });
  switch (order.kind) {
    case 'begin':
      begin(order).then(() => report({ kind: 'begun' }), broken);
      return;
    case 'answered':
      report({ kind: 'answered', count: loads.reduce((sum, load) => sum + load.answered, 0) });
      return;
    case 'end':
      end().then(report, broken);
      return;
    default:
      order satisfies never;
  }
});
report({ kind: 'ready', blue: blue.address, green: green.address, kept: kept.address });
