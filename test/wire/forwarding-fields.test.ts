/** What Tidegate says about where a request came from, by whether it believes the peer. */
import t from 'tap';
import { masked, OK_RELAYED } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';

let rig: Rig;
t.before(async () => {
  rig = await Rig.start(t);
});

const after = (fields: string) => `GET / HTTP/1.1\r\nHost: app.test\r\n${fields}\r\n`;
const CLAIMS =
  'X-Forwarded-For: 10.9.9.9\r\nx-forwarded-for: 10.8.8.8\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.test\r\nX-Forwarded-Port: 443\r\nForwarded: for=10.9.9.9;proto=https\r\n';

/** The lines about the way of a request, as the upstream gets them. */
async function linesFor(listener: 'plain' | 'trusting', fields: string): Promise<readonly string[]> {
  const answer = await rig.ask(after(fields), listener);
  if (answer !== OK_RELAYED) throw new Error(answer);
  const [request] = rig.upstream.take().map(masked);
  return request!.split('\r\n').filter((line) => /^(x-forwarded|forwarded|via)/i.test(line));
}

t.test('what an untrusted peer claims is replaced', async (t) => {
  t.strictSame(await linesFor('plain', CLAIMS), [
    'X-Forwarded-For: 127.0.0.1',
    'X-Forwarded-Proto: http',
    'X-Forwarded-Host: app.test',
    `X-Forwarded-Port: ${rig.port('plain')}`,
    'Forwarded: for=127.0.0.1;host=app.test;proto=http',
    'Via: 1.1 tidegate',
  ]);
});

t.test('to what a trusted peer says the addresses are appended; its proto, host and port stand', async (t) => {
  t.strictSame(await linesFor('trusting', CLAIMS), [
    'X-Forwarded-For: 10.9.9.9, 10.8.8.8, 127.0.0.1',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Host: shop.test',
    'X-Forwarded-Port: 443',
    'Forwarded: for=10.9.9.9;proto=https, for=127.0.0.1;host=app.test;proto=http',
    'Via: 1.1 tidegate',
  ]);
});

t.test('a trusted peer that says nothing is itself the client; no port is made up', async (t) => {
  t.strictSame(await linesFor('trusting', ''), [
    'X-Forwarded-For: 127.0.0.1',
    'X-Forwarded-Proto: http',
    'X-Forwarded-Host: app.test',
    'Forwarded: for=127.0.0.1;host=app.test;proto=http',
    'Via: 1.1 tidegate',
  ]);
});

t.test('names that look like forwarding fields and are none are passed on', async (t) => {
  t.strictSame(await linesFor('plain', 'X-Forwarded-Foo: a\r\nX_Forwarded_For: b\r\n'), [
    'X-Forwarded-Foo: a',
    'X-Forwarded-For: 127.0.0.1',
    'X-Forwarded-Proto: http',
    'X-Forwarded-Host: app.test',
    'Forwarded: for=127.0.0.1;host=app.test;proto=http',
    'Via: 1.1 tidegate',
  ]);
});

t.test('a host that is no token is quoted in Forwarded', async (t) => {
  await rig.ask('GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n');
  t.match(rig.upstream.take(), ['\r\nForwarded: for=127.0.0.1;host="[::1]:80";proto=http\r\n']);
});

t.test('Via names the version in which the request came', async (t) => {
  await rig.untilEnd('GET / HTTP/1.0\r\nHost: app.test\r\n\r\n');
  t.match(rig.upstream.take(), ['\r\nVia: 1.0 tidegate\r\n']);
});
