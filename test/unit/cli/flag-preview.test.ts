/** `tidegate flag preview`: what it asks, its sentences, and when it refuses. */
import t from 'tap';
import { previewLines } from '../../../src/cli/flag-preview-text.ts';
import { flagPreview, flagView, stand } from './flag-samples.ts';
import { tidegateHere } from './in-process.ts';
import { json, scriptedAdmin } from './tidegate.ts';

t.test('it says how many of the keys seen lately would change, and changes nothing', async (t) => {
  const api = await scriptedAdmin(({ method }, res) => json(res, method === 'GET' ? flagView() : flagPreview()));
  t.teardown(() => api.close());
  const words = ['flag', 'preview', 'new-checkout', '--set', 'percentage=25', '--admin', api.url];
  const { code, out, err } = await tidegateHere(words);
  t.same([code, err], [0, '']);
  t.equal(
    out,
    `new-checkout: 5% of keys → 25% of keys; nothing is changed
  247 of 1234 keys seen in the last 1 h get another value
  on for 61 of them now, for 308 then
  of all keys that come to its draw: 20%
`,
  );
  const [, asked] = api.seen;
  t.equal(`${asked!.method} ${asked!.url}`, 'POST /api/flags/new-checkout/preview');
  t.same(JSON.parse(asked!.body), { strategy: 'percentage', value: 25 });
  t.same(JSON.parse((await tidegateHere([...words, '--json'])).out), flagPreview());
});

t.test('other buckets are refused with 1 unless that is meant; the numbers are told in any case', async (t) => {
  const preview = flagPreview({ sample: { moved: ['salt'], isCounted: false, changed: 401.6, onAfter: 308.5 } });
  const api = await scriptedAdmin(({ method }, res) => json(res, method === 'GET' ? flagView() : preview));
  t.teardown(() => api.close());
  const words = ['flag', 'preview', 'new-checkout', '--set', 'percentage=25', '--set', 'salt=v2', '--admin', api.url];
  const refused = await tidegateHere(words);
  t.equal(refused.code, 1);
  t.match(refused.out, '  another salt: everybody is put into buckets anew\n  about 402 of 1234 keys seen');
  t.match(refused.out, 'on for 61 of them now, for about 309 then');
  t.equal(refused.err, 'tidegate: refused: it puts everybody into buckets anew; say --yes if that is meant\n');
  t.same([(await tidegateHere([...words, '--yes'])).code, (await tidegateHere([...words, '--json'])).code], [0, 1]);
  t.same(JSON.parse(api.seen[1]!.body), { strategy: 'percentage', value: 25, salt: 'v2' });
});

t.test('what nobody can know is said', async (t) => {
  const nobody = previewLines(flagPreview({ sample: { sampled: 0, changed: 0 } }));
  t.strictSame(nobody.slice(1), [
    '  no key was drawn for it in the last 1 h',
    '  of all keys that come to its draw: 20%',
  ]);
  const list = previewLines(
    flagPreview({ sample: { onBefore: null, changed: null, untold: ['users', 'rules'] }, ofAll: null }),
  );
  t.strictSame(list.slice(1), [
    '  of 1234 keys seen in the last 1 h, nobody can say how many would change',
    '  not known: who is in a list of keys, whom a rule concerns',
  ]);
  const killed = previewLines(flagPreview({ from: stand({ killed: true }) }));
  t.match(killed.at(-1), 'it is killed: nobody changes before `tidegate flag restore new-checkout`');
  t.match(
    previewLines(flagPreview({ sample: { sampled: 1, changed: 1 } }))[1],
    '1 of 1 key seen in the last 1 h gets another',
  );
});
