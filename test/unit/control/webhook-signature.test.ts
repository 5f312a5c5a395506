/** Signatures against the vector of their specification, and against the examples that receivers are given. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { signatureFields } from '../../../src/control/webhook-signature.ts';

const page = await readFile('docs/webhooks.md', 'utf8');

/** The first block of a language in the documentation. */
function example(language: string): string {
  const block = new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(page)?.[1];
  if (block === undefined) throw new Error(`the page has no example in ${language}`);
  return block;
}

t.test('the vector of Standard Webhooks', async (t) => {
  const parts = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', atS: 1614265330, body: '{"test": 2432232314}' };
  t.same(signatureFields(parts, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'), {
    'webhook-id': parts.id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

t.test('without a secret there is no signature', async (t) => {
  t.same(signatureFields({ id: 'a', atS: 1, body: '' }, undefined), { 'webhook-id': 'a', 'webhook-timestamp': '1' });
});

t.test('a text that only begins like base64 is a text', async (t) => {
  const parts = { id: 'a', atS: 1, body: 'b' };
  t.not(signatureFields(parts, 'whsec_!')['webhook-signature'], signatureFields(parts, '!')['webhook-signature']);
});

t.test('the example in Node takes what is genuine and fresh, and nothing else', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'tidegate-example-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'example.mjs');
  await writeFile(file, example('js'));
  const { isFromTidegate } = (await import(file)) as {
    isFromTidegate(headers: Record<string, string>, body: string, secret: string, nowS: number): boolean;
  };
  for (const secret of ['a text', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw']) {
    const headers = signatureFields({ id: 'msg_1', atS: 1000, body: '{"ä":1}' }, secret);
    t.equal(isFromTidegate(headers, '{"ä":1}', secret, 1299), true);
    t.equal(isFromTidegate(headers, '{"ä":1}', secret, 1300), false, 'too old');
    t.equal(isFromTidegate(headers, '{"ä":1}', secret, 700), false, 'from the future');
    t.equal(isFromTidegate(headers, '{"ä":2}', secret, 1000), false, 'another body');
    t.equal(isFromTidegate(headers, '{"ä":1}', 'other', 1000), false, 'another secret');
    t.equal(isFromTidegate({ ...headers, 'webhook-id': 'msg_2' }, '{"ä":1}', secret, 1000), false, 'another id');
    t.equal(
      isFromTidegate({ ...headers, 'webhook-timestamp': '1001' }, '{"ä":1}', secret, 1000),
      false,
      'another time',
    );
    t.equal(isFromTidegate({}, '{"ä":1}', secret, 1000), false, 'none');
  }
});

t.test('the example in bash takes what is genuine and fresh, and nothing else', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'tidegate-example-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const body = join(directory, 'body');
  await writeFile(body, '{"ä":1}');
  const says = (env: Record<string, string>): Promise<string> =>
    new Promise((resolve, reject) => {
      execFile('bash', ['-c', example('bash')], { env: { PATH: process.env.PATH, body, ...env } }, (error, out) => {
        if (error === null) resolve(out.trim());
        else reject(error);
      });
    });
  const fields = signatureFields({ id: 'msg_1', atS: 1000, body: '{"ä":1}' }, 'a text');
  const right = { id: 'msg_1', at: '1000', signature: fields['webhook-signature']!, secret: 'a text', now: '1299' };
  t.equal(await says(right), 'genuine');
  t.equal(await says({ ...right, now: '1300' }), 'forged');
  t.equal(await says({ ...right, id: 'msg_2' }), 'forged');
  t.equal(await says({ ...right, secret: 'other' }), 'forged');
});
