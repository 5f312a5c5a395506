import t from 'tap';
import { type LinkClaim, linksFor, openLink, sealLink } from '../../../src/control/links.ts';
import { rolloutEvent } from './webhook-stage.ts';

const SECRET = 'a secret of more than sixteen letters';
const CLAIM: LinkClaim = {
  action: 'approve',
  service: 'shop',
  rollout: 7,
  step: 1,
  epoch: 12,
  event: 41,
  expiresS: 1_767_225_600,
};

function claimIn(token: string, secret = SECRET): LinkClaim | null {
  const opened = openLink(token, secret);
  return opened.kind === 'open' ? opened.claim : null;
}

t.test('a sealed claim is read back, and fits into one part of a path', async (t) => {
  t.same(claimIn(sealLink(CLAIM, SECRET)), CLAIM);
  const largest = 2 ** 53 - 1;
  const numbers = { rollout: 1e9, step: 99, epoch: 1e12, event: 1e12, expiresS: 4e9 };
  const long = { ...CLAIM, service: 'a'.repeat(63), ...numbers };
  const token = sealLink(long, SECRET);
  t.ok(token.length <= 256, `${token.length} characters`);
  t.match(token, /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}$/);
  t.same(claimIn(sealLink({ ...CLAIM, epoch: largest }, SECRET))?.epoch, largest);
});

t.test('a token is the same each time, and another one for each claim and secret', async (t) => {
  const token = sealLink(CLAIM, SECRET);
  t.equal(sealLink(CLAIM, SECRET), token);
  const others: Partial<LinkClaim>[] = [
    { action: 'rollback' },
    { service: 'cart' },
    { rollout: 8 },
    { step: 2 },
    { epoch: 13 },
    { event: 42 },
    { expiresS: 1 },
  ];
  for (const other of others) t.not(sealLink({ ...CLAIM, ...other }, SECRET), token, JSON.stringify(other));
  t.not(sealLink(CLAIM, `${SECRET}!`), token);
});

t.test('whatever character of a token is changed, it is none', async (t) => {
  const token = sealLink(CLAIM, SECRET);
  let refused = 0;
  for (let index = 0; index < token.length; index += 1) {
    for (const character of ['A', 'z', '.', '=', '%']) {
      const changed = token.slice(0, index) + character + token.slice(index + 1);
      if (changed === token) continue;
      const opened = openLink(changed, SECRET);
      // The last character has bits that stand for nothing: the same link, under the same id.
      if (opened.kind === 'open') t.same(opened, openLink(token, SECRET), `at ${index}: ${changed}`);
      else refused += 1;
    }
  }
  t.ok(refused > token.length * 4);
  for (const wrong of ['', '.', token.slice(0, -1), `${token}A`, `.${token}`, token.replace('.', ''), 'ä.ä']) {
    t.same(claimIn(wrong), null, wrong);
  }
  t.same(claimIn(token, `${SECRET}!`), null, 'another secret');
});

const settings = { baseUrl: 'https://admin.example', secret: SECRET, ttlMs: 60_000 };

t.test('links are for what can still be decided', async (t) => {
  const actions = (what: Parameters<typeof rolloutEvent>[1]) =>
    Object.keys(linksFor(rolloutEvent(1, what), settings) ?? {}).filter((key) => key !== 'expiresAt');
  t.same(actions({ what: 'approval-needed' }), ['approve', 'rollback']);
  for (const what of ['started', 'step', 'paused', 'resumed', 'halted', 'inconclusive', 'baking'] as const) {
    t.same(actions({ what }), ['rollback'], what);
  }
  t.same(actions({ what: 'rolling-back' }), []);
  t.same(actions({ what: 'ended', phase: 'succeeded' }), ['rollback']);
  for (const phase of ['aborted', 'failed', 'rolled-back', 'superseded'] as const) {
    t.same(actions({ what: 'ended', phase }), [], phase);
  }
  t.equal(linksFor({ ...rolloutEvent(1), kind: 'traffic' }, settings), null);
  t.equal(linksFor({ ...rolloutEvent(1), data: { refused: true } }, settings), null);
});

t.test('a link says to what it is bound, and expires a while after its event', async (t) => {
  const { rollback, expiresAt } = linksFor(rolloutEvent(41), settings)!;
  t.equal(expiresAt, '2026-01-01T00:01:00.000Z');
  const [, token] = rollback!.split('https://admin.example/links/');
  t.same(claimIn(token!), {
    action: 'rollback',
    service: 'shop',
    rollout: 7,
    step: 1,
    epoch: 12,
    event: 41,
    expiresS: Date.parse('2026-01-01T00:01:00Z') / 1000,
  });
});
