/** `tidegate freeze` as a real process: what it asks for, what it prints, how it exits. */
import t from 'tap';
import { momentOf } from '../../../src/cli/freeze.ts';
import { json, type Script, scriptedAdmin, tidegate } from './tidegate.ts';

type Test = Pick<typeof t, 'teardown'>;

const FROZEN = {
  frozen: 'an incident (declared by cli:anna)',
  declared: { reason: 'an incident', by: 'cli:anna', at: '2026-01-05T12:00:00.000Z', until: null, stored: true },
  windows: [{ window: 'Fri 16:00 to Mon 08:00 Europe/Berlin', reason: 'nobody is there', isOpen: true }],
};
const FREE = { frozen: null, declared: null, windows: [] };

async function admin(t: Test, script: Script) {
  const api = await scriptedAdmin(script);
  t.teardown(() => api.close());
  return api;
}

t.test('a freeze is declared with its reason and its end, and what stands is printed', async (t) => {
  const api = await admin(t, (_, res) => json(res, FROZEN));
  const words = ['freeze', '--reason', 'an incident', '--until', '2027-01-01T08:00:00+01:00', '--admin', api.url];
  const { code, out, err } = await tidegate(words);
  t.same([code, err], [0, '']);
  t.equal(
    out,
    'frozen: an incident (declared by cli:anna)\n  Fri 16:00 to Mon 08:00 Europe/Berlin: nobody is there (now)\n',
  );
  const seen = api.seen[0]!;
  t.equal(`${seen.method} ${seen.url}`, 'POST /api/freeze');
  t.same(JSON.parse(seen.body), { reason: 'an incident', until: '2027-01-01T07:00:00.000Z' });
  t.match(seen.headers['x-tidegate-by'], /^cli(:.+)?$/);
});

t.test('it is ended, and asked about, by the same verb', async (t) => {
  const api = await admin(t, (_, res) => json(res, FREE));
  const end = await tidegate(['freeze', '--end', '--reason', 'solved', '--admin', api.url]);
  t.same([end.code, end.out], [0, 'no freeze: rollouts may be begun\n']);
  const ask = await tidegate(['freeze', '--json', '--admin', api.url]);
  t.same([ask.code, JSON.parse(ask.out)], [0, FREE]);
  t.same(
    api.seen.map(({ method, body }) => [method, body]),
    [
      ['DELETE', '{"reason":"solved"}'],
      ['GET', ''],
    ],
  );
});

t.test('a refusal exits 1, and half a sentence 2', async (t) => {
  const error = { code: 'not-frozen', message: 'there is no freeze', details: null };
  const api = await admin(t, (_, res) => json(res, { error }, 409));
  const { code, err } = await tidegate(['freeze', '--end', '--admin', api.url]);
  t.equal(code, 1);
  t.match(err, 'there is no freeze');
  for (const words of [
    ['--until', '8h'],
    ['--end', '--until', '8h'],
    ['--reason', 'x', '--until', 'tomorrow'],
    ['x'],
  ]) {
    t.equal((await tidegate(['freeze', ...words, '--admin', api.url])).code, 2, words.join(' '));
  }
  t.equal(api.seen.length, 1);
});

t.test('a time is a moment or a length from now', async (t) => {
  const now = Date.UTC(2026, 0, 1);
  t.equal(momentOf('90m', now), '2026-01-01T01:30:00.000Z');
  t.equal(momentOf('2d', now), '2026-01-03T00:00:00.000Z');
  t.equal(momentOf('2026-12-20T08:00Z', now), '2026-12-20T08:00:00.000Z');
  for (const text of ['8', 'h', '2026-12-20', '2026-12-20T08:00', '2026-13-20T08:00:00Z', '']) {
    t.equal(momentOf(text, now), undefined, text);
  }
});
