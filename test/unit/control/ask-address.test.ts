import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import t, { type Test } from 'tap';
import { askAddress } from '../../../src/control/ask-address.ts';
import { CERTIFICATE, KEY } from './own-certificate.ts';

async function port(t: Test, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const never = new AbortController().signal;
const QUESTION = { headers: { accept: '*/*' }, timeoutMs: 10_000, bodyBytesMax: 100 };
const sayHello: RequestListener = ({ url, headers }, res) => res.end(`${headers.host} ${url}`);

t.test('an address is asked with its path, its query and its name', async (t) => {
  const at = `localhost:${await port(t, createServer(sayHello))}`;
  const reply = await askAddress(`http://${at}/a/b?c=%20d`, QUESTION, never);
  t.match(reply, { ok: true, status: 200, isWhole: true });
  t.equal(reply.ok && reply.body.toString(), `${at} /a/b?c=%20d`);
});

t.test('no more of an answer is read than was wanted, and that is said', async (t) => {
  const long = createServer((_req, res) => res.end('x'.repeat(101)));
  const reply = await askAddress(`http://127.0.0.1:${await port(t, long)}/`, QUESTION, never);
  t.match(reply, { ok: true, isWhole: false });
  t.equal(reply.ok && reply.body.length, 100);
  const fits = createServer((_req, res) => res.end('x'.repeat(100)));
  t.match(await askAddress(`http://127.0.0.1:${await port(t, fits)}/`, QUESTION, never), { ok: true, isWhole: true });
});

t.test('an encrypted answer is believed when somebody vouches for the name, and else not', async (t) => {
  const server = createTlsServer({ key: KEY, cert: CERTIFICATE }, sayHello);
  const at = await port(t, server);
  t.match(await askAddress(`https://localhost:${at}/`, QUESTION, never), { ok: false, detail: /SELF_SIGNED/ });
  const before = getCACertificates('default');
  t.teardown(() => setDefaultCACertificates(before));
  setDefaultCACertificates([...before, CERTIFICATE]);
  for (const host of ['localhost', '127.0.0.1']) {
    t.match(await askAddress(`https://${host}:${at}/`, QUESTION, never), { ok: true, status: 200 }, host);
  }
});

t.test('an address that cannot be read is a bad reply', async (t) => {
  t.match(await askAddress('http://:0/', QUESTION, never), { ok: false, detail: 'the address cannot be read' });
});
