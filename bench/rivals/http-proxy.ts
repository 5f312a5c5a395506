/**
 * Rival: http-proxy 1.x, the library that most Node proxies of the last decade are built on.
 *
 * It runs as its documentation advises for load: an agent that keeps connections, because without one it dials for each
 * request and the comparison would be of handshakes.
 */
import { Agent, createServer, ServerResponse } from 'node:http';
import httpProxy from 'http-proxy';
import { relayPorts } from '../floor/relay-arguments.ts';

const ports = relayPorts();
const proxy = httpProxy.createProxyServer({
  target: `http://127.0.0.1:${ports.upstream}`,
  agent: new Agent({ keepAlive: true, maxSockets: 1024 }),
  xfwd: true,
});
proxy.on('error', (_error, _req, res) => {
  if (res instanceof ServerResponse && !res.headersSent) res.writeHead(502).end();
  else res.destroy();
});
createServer((req, res) => proxy.web(req, res)).listen({ host: '127.0.0.1', port: ports.listen, backlog: 4096 });
