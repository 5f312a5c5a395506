/**
 * An endpoint: a process of its own that answers well or badly, as it is told, and that `kill -9` ends like any other.
 *
 * It writes down every POST that arrives and every one that it has done, straight to a file: what it knew when it was killed
 * is known afterwards. Whether a request was done twice, or could have been saved, is decided from these journals.
 *
 * Arguments: address, port, journal, seed, beat in milliseconds.
 */
import { openSync, writeSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { contentOf, wishOf } from './content.ts';
import type { EndpointOrder, EndpointReport } from './endpoint.ts';
import { ANSWERS, type Mood } from './moods.ts';
import { randomOf } from './random.ts';

const ANSWER_AFTER_MS = 2;

const [address = '127.0.0.1', port = '0', journalPath = '', seed = '1', beat = '100'] = process.argv.slice(2);
const random = randomOf(Number(seed), `endpoint ${address}:${port}`);
const journal = openSync(journalPath, 'a');
const sockets = new Set<Socket>();
let mood: Mood = 'good';
let share = 0;

const server = createServer((req, res) => {
  const wish = wishOf(req.url ?? '');
  if (wish === null) {
    res.writeHead(204).end();
    return;
  }
  const answer = (): void => {
    const way = mood !== 'good' && random.chance(share) ? mood : 'good';
    setTimeout(() => ANSWERS[way]({ req, res, wish, random, beatMs: Number(beat) }), ANSWER_AFTER_MS);
  };
  res.on('error', () => {});
  if (req.method === 'POST') readBody(req, res, wish.identity, answer);
  else {
    req.resume();
    answer();
  }
});

/** Reads a body to its end and judges it; what was cut on the way is answered with nothing. */
function readBody(req: IncomingMessage, res: ServerResponse, identity: string, answer: () => void): void {
  writeSync(journal, `arrived ${identity}\n`);
  const pieces: Buffer[] = [];
  req.on('data', (piece: Buffer) => pieces.push(piece));
  req.on('error', () => {});
  req.on('end', () => {
    const body = Buffer.concat(pieces);
    const isRight = body.equals(contentOf('request', identity, body.length)) && body.length === declared(req);
    writeSync(journal, `${isRight ? 'done' : 'wrong'} ${identity}\n`);
    if (isRight) answer();
    else res.writeHead(500).end();
  });
}

/** The length that the client has said in a field of its own, which no proxy touches. */
function declared(req: IncomingMessage): number {
  return Number(req.headers['x-chaos-bytes']);
}

server.on('connection', (socket) => {
  sockets.add(socket);
  socket.setNoDelay(true);
  socket.on('error', () => {});
  socket.on('close', () => sockets.delete(socket));
});
// Only a mood closes idle connections.
server.keepAliveTimeout = 0;
server.requestTimeout = 0;
server.on('clientError', (_error, socket) => socket.destroy());

function report(message: EndpointReport): void {
  process.send?.(message);
}

function listen(): void {
  server.listen({ host: address, port: Number(port), backlog: 4096 }, () => report({ kind: 'is', mood }));
}

process.on('message', (order: EndpointOrder) => {
  const was = mood;
  mood = order.mood;
  share = order.share;
  if (mood === 'refusing') {
    server.close(() => report({ kind: 'is', mood }));
    for (const socket of sockets) socket.resetAndDestroy();
  } else if (was === 'refusing') {
    listen();
  } else {
    // Whoever was left waiting in silence is let go.
    if (was === 'silent') for (const socket of sockets) socket.destroy();
    report({ kind: 'is', mood });
  }
});
process.on('disconnect', () => process.exit(0));
listen();
