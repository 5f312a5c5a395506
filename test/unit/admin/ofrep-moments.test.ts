import t from 'tap';
import { FlagMoments, nextMoment, RAMP_NOTICE_MS } from '../../../src/admin/ofrep-moments.ts';
import type { FlagDefinition } from '../../../src/config/flag-schema.ts';

const at = (text: string): number => Date.parse(text);
const NOON = at('2026-06-01T12:00:00Z');
const scheduled: FlagDefinition = {
  strategy: 'all',
  schedule: { from: '2026-06-01T13:00:00Z', until: '2026-06-02T12:00:00Z' },
};
const ramped: FlagDefinition = {
  strategy: 'percentage',
  ramp: { from: 0, to: 50, start: '2026-06-01T11:59:50Z', over: '70s' },
};

t.test('the ends of a schedule are moments, the first that is still to come', async (t) => {
  t.equal(nextMoment([scheduled], 'production', NOON), at('2026-06-01T13:00:00Z'));
  t.equal(nextMoment([scheduled], 'production', at('2026-06-01T13:00:00Z')), at('2026-06-02T12:00:00Z'));
  t.equal(nextMoment([scheduled], 'production', at('2026-06-02T12:00:00Z')), null);
  t.equal(nextMoment([{ strategy: 'all' }], 'production', NOON), null);
});

t.test('a ramp has moments as long as it grows, and one at its end', async (t) => {
  t.equal(nextMoment([ramped], 'production', NOON - 20_000), NOON - 10_000, 'its start');
  t.equal(nextMoment([ramped], 'production', NOON), NOON + RAMP_NOTICE_MS);
  t.equal(nextMoment([ramped], 'production', NOON + 45_000), NOON + 60_000, 'its end');
  t.equal(nextMoment([ramped], 'production', NOON + 60_000), null);
  t.equal(nextMoment([scheduled, ramped], 'production', NOON), NOON + RAMP_NOTICE_MS, 'of several, the first');
});

t.test('what an environment says is asked in that environment', async (t) => {
  const definition: FlagDefinition = { strategy: 'all', environments: { staging: { schedule: scheduled.schedule } } };
  t.equal(nextMoment([definition], 'production', NOON), null);
  t.equal(nextMoment([definition], 'staging', NOON), at('2026-06-01T13:00:00Z'));
});

t.test('moments are told of when they have come, also by a clock that jumps', async (t) => {
  let nowMs = NOON;
  let definitions = [scheduled];
  let told = 0;
  const moments = new FlagMoments({
    definitions: () => definitions,
    environment: () => 'production',
    now: () => nowMs,
    onMoment: () => {
      told += 1;
    },
  });
  t.teardown(() => moments.close());
  const toldAt = (text: string): number => {
    nowMs = at(text);
    told = 0;
    moments.look();
    return told;
  };
  t.equal(toldAt('2026-06-01T12:59:59Z'), 0);
  t.equal(toldAt('2026-06-01T13:00:00Z'), 1, 'its beginning');
  t.equal(toldAt('2026-06-01T13:00:01Z'), 0, 'once');
  t.equal(toldAt('2026-06-03T00:00:00Z'), 1, 'the machine slept over its end');
  t.equal(toldAt('2026-06-02T11:00:00Z'), 1, 'the clock was set back behind its end');
  t.equal(toldAt('2026-06-02T10:00:00Z'), 0, 'and back again, over nothing');
  t.equal(toldAt('2026-06-02T12:00:00Z'), 1, 'the end comes again');
  definitions = [ramped];
  nowMs = NOON;
  moments.changed();
  t.equal(toldAt('2026-06-01T12:00:29Z'), 0);
  t.equal(toldAt('2026-06-01T12:00:30Z'), 1, 'half a minute of a share that grows');
  t.equal(toldAt('2026-06-01T12:01:00Z'), 1, 'and its end');
  t.equal(toldAt('2026-06-01T12:05:00Z'), 0);
});
