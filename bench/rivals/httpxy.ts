/** Rival: httpxy, the maintained descendant of http-proxy, with a connection-keeping agent like its ancestor here. */
import { Agent, createServer } from 'node:http';
import { createProxyServer } from 'httpxy';
import { relayPorts } from '../floor/relay-arguments.ts';

const ports = relayPorts();
const proxy = createProxyServer({
  target: `http://127.0.0.1:${ports.upstream}`,
  agent: new Agent({ keepAlive: true, maxSockets: 1024 }),
  xfwd: true,
});
createServer((req, res) => {
  proxy.web(req, res).catch(() => {
    if (!res.headersSent) res.writeHead(502).end();
    else res.destroy();
  });
}).listen({ host: '127.0.0.1', port: ports.listen, backlog: 4096 });
