/**
 * The application that `upstream-process.ts` runs and kills: it answers every request with its version after a few
 * milliseconds, and says what it does on its standard output, one line each: its port, and then the path of every request.
 *
 * A line is written before the request can have any effect and without a buffer, so that nothing that has arrived is
 * forgotten when the process is killed.
 */
import { writeSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const ANSWER_MS = 5;
const version = process.argv[2]!;

const server = createServer((req, res) => {
  writeSync(1, `${req.url}\n`);
  req.resume().on('end', () => setTimeout(() => res.end(`${version}\n`), ANSWER_MS));
});
server.keepAliveTimeout = 60_000;
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  writeSync(1, `${(server.address() as AddressInfo).port}\n`);
});
