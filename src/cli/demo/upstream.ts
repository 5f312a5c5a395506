/**
 * One server of the demo, as a process of its own: `upstream.ts POOL VERSION FAILING`, where FAILING is the share of its
 * answers, from 0 to 1, that are a 500.
 *
 * It takes a few milliseconds for each answer and some tenths of a second for a streamed one, so that at every moment
 * requests are on their way. A browser gets a page in the colour of the pool that asks again every second. The port is
 * the system's choice and is told over the channel to the parent.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { answerPieces, type Kind, PATHS, POOL_FIELD, SEQUENCE_FIELD } from './answers.ts';

/** What the parent is told once the server listens. */
export interface UpstreamReady {
  readonly port: number;
}

const COLOURS: Readonly<Record<string, string>> = { blue: '#1d4ed8', green: '#15803d', bad: '#b91c1c' };
const THINK_LEAST_MS = 4;
const THINK_MORE_MS = 12;
const PIECE_MS = 30;

const [pool = '', version = '', failing = '0'] = process.argv.slice(2);
const failingShare = Number(failing);

const server = createServer((req, res) => {
  answer(req, res).catch(() => res.destroy());
});
server.listen(0, '127.0.0.1', () => {
  const ready: UpstreamReady = { port: (server.address() as AddressInfo).port };
  process.send?.(ready);
});

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.url === '/healthz') {
    res.end('ok\n');
    return;
  }
  if (req.url === '/version') {
    res.end(`${version}\n`);
    return;
  }
  const question: Buffer[] = [];
  for await (const chunk of req) question.push(chunk as Buffer);
  await pause(THINK_LEAST_MS + Math.random() * THINK_MORE_MS);
  res.setHeader(POOL_FIELD, pool);
  res.setHeader('cache-control', 'no-store');
  if (Math.random() < failingShare) {
    res.writeHead(500, { 'content-type': 'text/plain' }).end(`${version} has failed\n`);
    return;
  }
  if (req.headers.accept?.includes('text/html') === true) {
    res.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page());
    return;
  }
  const kind = kindOf(req.url ?? '/');
  const pieces =
    kind === 'echo' ? [Buffer.concat(question)] : answerPieces(kind, Number(req.headers[SEQUENCE_FIELD] ?? 0), pool);
  res.writeHead(200, { 'content-type': kind === 'page' ? 'application/json' : 'text/plain' });
  for (const piece of pieces.slice(0, -1)) {
    res.write(piece);
    await pause(PIECE_MS);
  }
  res.end(pieces.at(-1));
}

function kindOf(url: string): Kind {
  const kinds = Object.keys(PATHS) as Kind[];
  return kinds.find((kind) => PATHS[kind] === url) ?? 'page';
}

function page(): string {
  return `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="1"><title>${pool} ${version}</title>
<body style="margin:0;display:grid;place-items:center;height:100vh;background:${COLOURS[pool] ?? '#444'};color:#fff;font:8vmin sans-serif">
<div>${pool} · ${version}</div>
`;
}
