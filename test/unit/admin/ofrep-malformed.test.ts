/**
 * 500 questions over OFREP that are wrong in ways nobody thought of: bodies, contexts, names and types of content. Each is answered, and
 * a refusal has what clients read of it: a code that the protocol knows, and a sentence.
 */
import t from 'tap';
import { runSeed, Seeded } from '../routing/seeded.ts';
import { start } from './harness.ts';
import { flagSpec } from './scripted-flags.ts';

const ALL = '/ofrep/v1/evaluate/flags';
const CODES = ['PARSE_ERROR', 'TARGETING_KEY_MISSING', 'INVALID_CONTEXT', 'GENERAL', 'FLAG_NOT_FOUND'];
const NAMES = [
  'split',
  'nobody-knows',
  'split%2f',
  '%00',
  '%zz',
  'a/b',
  '%F0%9F%8F%B4',
  'constructor',
  '__proto__',
  '',
];
const ATTRIBUTES = ['targetingKey', 'country', 'constructor', '__proto__', '', 'x'.repeat(300)];
const TYPES = ['application/json', 'application/json; charset=utf-8', 'text/plain', 'application/jsonx'];
const ODD: readonly unknown[] = [
  ...[null, true, 0, -1, 1e308, '', ' ', '\0', '\ud800', '__proto__', 'x'.repeat(70_000)],
  ...[[], {}, [[[[[[[[[[1]]]]]]]]]], Array.from({ length: 300 }, () => 1), { a: { b: { c: { d: {} } } } }],
];

t.test(`500 malformed questions are answered clearly, and change nothing (seed ${runSeed})`, async (t) => {
  const rng = new Seeded(runSeed);
  const admin = await start(t, {});
  admin.flags.say([flagSpec('split', 'new', 'old', { strategy: { kind: 'percentage', share: 50_000 } })]);
  const ask = (path: string, body: string, type: string) =>
    admin.ask({ method: 'POST', path, headers: { 'Content-Type': type }, body });
  const sound = () => ask(`${ALL}/split`, '{"context":{"targetingKey":"alice"}}', TYPES[0]!);
  const before = (await sound()).text;
  const statuses = new Set<number>();
  for (let count = 0; count < 500; count += 1) {
    const pairs = Array.from({ length: rng.below(6) }, () => [rng.pick(ATTRIBUTES), rng.pick(ODD)] as const);
    const context = Object.fromEntries(pairs);
    const whole = JSON.stringify(
      rng.pick([{ context }, { context: rng.pick(ODD) }, rng.pick(ODD), { contxt: context }]),
    );
    const body = rng.chance(0.2) ? whole.slice(0, rng.below(whole.length)) : whole;
    const path = rng.chance(0.3) ? ALL : `${ALL}/${rng.pick(NAMES)}`;
    const { status, text } = await ask(path, body, rng.pick(TYPES));
    statuses.add(status);
    const { errorCode, errorDetails } = JSON.parse(text) as { errorCode?: string; errorDetails?: string };
    const isClear = CODES.includes(errorCode ?? '') && (errorDetails ?? '').length > 10;
    if (![200, 400, 404].includes(status) || (status !== 200 && !isClear) || /\.ts:|\[object/.test(text)) {
      t.fail(`${status} ${text.slice(0, 200)} to ${path} ${body.slice(0, 200)}`);
    }
  }
  t.strictSame([...statuses].sort(), [200, 400, 404]);
  t.equal((await sound()).text, before);
});
