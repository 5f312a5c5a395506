/** Rival: fast-proxy with its undici client, which is the faster of the two that it offers. */
import { createServer } from 'node:http';
import fastProxy from 'fast-proxy';
import { relayPorts } from '../floor/relay-arguments.ts';

const ports = relayPorts();
const { proxy } = fastProxy({
  base: `http://127.0.0.1:${ports.upstream}`,
  undici: { connections: 1024, pipelining: 1 },
});
createServer((req, res) => proxy(req, res, req.url ?? '/', {})).listen({
  host: '127.0.0.1',
  port: ports.listen,
  backlog: 4096,
});
