/**
 * Rival: the best relay that Node's own parts give without writing an HTTP engine: `node:http` in front and undici's
 * `dispatch` behind, without promises or streams of undici in between.
 *
 * It is what Tidegate would be if it had not its own engine, and so the number that decides whether that engine is
 * worth having. It strips hop-by-hop fields of the request by name only; it is a measuring rod, not a proxy to run.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Pool } from 'undici';
import { relayPorts } from '../floor/relay-arguments.ts';

const ports = relayPorts();
const pool = new Pool(`http://127.0.0.1:${ports.upstream}`, { connections: 1024, pipelining: 1 });
const hopByHop = new Set(['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect']);

function endToEnd(fields: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    if (!hopByHop.has(fields[index]!.toLowerCase())) kept.push(fields[index]!, fields[index + 1]!);
  }
  return kept;
}

function relay(req: IncomingMessage, res: ServerResponse): void {
  const headers = endToEnd(req.rawHeaders);
  headers.push('x-forwarded-for', req.socket.remoteAddress ?? 'unknown');
  const bodyless = req.method === 'GET' || req.method === 'HEAD';
  pool.dispatch(
    { path: req.url ?? '/', method: req.method ?? 'GET', headers, body: bodyless ? null : req },
    {
      onRequestStart() {},
      onResponseStart(controller, statusCode, responseHeaders) {
        delete responseHeaders.connection;
        delete responseHeaders['keep-alive'];
        res.writeHead(statusCode, responseHeaders);
        res.on('drain', () => controller.resume());
      },
      onResponseData(controller, chunk) {
        if (!res.write(chunk)) controller.pause();
      },
      onResponseEnd() {
        res.end();
      },
      onResponseError() {
        if (res.headersSent) res.destroy();
        else res.writeHead(502).end();
      },
    },
  );
}

createServer(relay).listen({ host: '127.0.0.1', port: ports.listen, backlog: 4096 });
