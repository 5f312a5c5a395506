import t from 'tap';
import { flagRolloutFamilies, rolloutFamilies } from '../../../src/admin/rollout-families.ts';

const NONE = { succeeded: 0, 'rolled-back': 0, aborted: 0, superseded: 0, failed: 0 };

/** The samples of a metric as text: `labels value`. */
function samples(rollouts: Parameters<typeof rolloutFamilies>[0]['rollouts'], name: string): string[] {
  const family = rolloutFamilies({ rollouts }).find((one) => one.name === `tidegate_${name}`)!;
  return family.values.map(({ labels, value }) => `${Object.values(labels ?? {}).join(' ')} ${value}`);
}

const SHOP = {
  service: 'shop',
  outcomes: { ...NONE, 'rolled-back': 2 },
  takenAlong: 1,
  last: {
    waitsFor: 2,
    phase: 'holding',
    step: 2,
    steps: 5,
    verdict: 'waiting',
    evidence: [
      { signal: 'errors', value: 51.5, needed: 100 },
      { signal: 'latency', value: 0.25, needed: 100 },
    ],
  },
} as const;

t.test(
  'the last rollout of a service is published: phase, step, evidence beside what is needed, verdict',
  async (t) => {
    const phases = samples([SHOP], 'rollout_phase');
    t.equal(phases.length, 12);
    t.same(
      phases.filter((line) => line.endsWith(' 1')),
      ['shop holding 1'],
    );
    t.same(samples([SHOP], 'rollout_step'), ['shop 2']);
    t.same(samples([SHOP], 'rollout_steps'), ['shop 5']);
    t.same(samples([SHOP], 'rollout_waits_for'), ['shop 2']);
    t.same(samples([SHOP], 'judge_evidence'), ['shop errors 51.5', 'shop latency 0.25']);
    t.same(samples([SHOP], 'judge_evidence_needed'), ['shop errors 100', 'shop latency 100']);
    t.same(samples([SHOP], 'judge_verdict'), [
      'shop waiting 1',
      'shop healthy 0',
      'shop worse 0',
      'shop inconclusive 0',
      'shop halt 0',
    ]);
  },
);

t.test(
  'a service without a rollout has its counters at zero, so that the first one is a step, and nothing else',
  async (t) => {
    const idle = { service: 'idle', outcomes: NONE, takenAlong: 0, last: null };
    t.same(samples([idle, SHOP], 'rollouts_taken_along_total'), ['idle 0', 'shop 1']);
    t.same(samples([idle, SHOP], 'rollouts_total'), [
      ...['succeeded', 'rolled-back', 'aborted', 'superseded', 'failed'].map((outcome) => `idle ${outcome} 0`),
      'shop succeeded 0',
      'shop rolled-back 2',
      'shop aborted 0',
      'shop superseded 0',
      'shop failed 0',
    ]);
    for (const name of ['rollout_phase', 'rollout_step', 'rollout_steps', 'judge_evidence', 'judge_verdict']) {
      t.same(samples([idle], name), [], name);
    }
  },
);

t.test('the last rollout of a flag is published under its own names', async (t) => {
  const flag = { flag: 'new-nav', outcomes: { ...NONE, aborted: 1 }, phase: 'baking', step: 3, steps: 3 } as const;
  const families = flagRolloutFamilies({ flagRollouts: [flag] });
  const values = families.flatMap(({ name, values: samples }) =>
    samples.flatMap(({ labels, value }) =>
      value === 0 ? [] : [`${name} ${Object.values(labels ?? {}).join(' ')} ${value}`],
    ),
  );
  t.same(values, [
    'tidegate_flag_rollout_phase new-nav baking 1',
    'tidegate_flag_rollout_step new-nav 3',
    'tidegate_flag_rollout_steps new-nav 3',
    'tidegate_flag_rollouts_total new-nav aborted 1',
  ]);
});
