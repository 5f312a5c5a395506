/** `rollout:` of a flag: what may be said there, and that it is no instruction about who has the flag. */
import t from 'tap';
import { flagFingerprint } from '../../../src/config/fingerprint.ts';
import type { FlagDefinition } from '../../../src/config/flag-schema.ts';
import { accept, complaints, SMALL } from './texts.ts';

/** The small config with a flag of this rollout, on line 10. */
function withRollout(rollout: string): string {
  return `${SMALL}flags:\n  a: { strategy: percentage, value: 5, rollout: ${rollout} }\n`;
}

t.test('the words are those of services, and keep their written form', (t) => {
  const rollout =
    '{ steps: [0.5%, { weight: 50%, hold: 1h, minRequests: 0, approve: true }, 100%], minRequests: 0, hold: 10m, bake: 0s, holdBack: 1%, inconclusive: promote, onFreeze: continue }';
  t.same(accept(withRollout(rollout)).flags.get('a')?.rollout, {
    steps: ['0.5%', { weight: '50%', hold: '1h', minRequests: 0, approve: true }, '100%'],
    minRequests: 0,
    hold: '10m',
    bake: '0s',
    holdBack: '1%',
    inconclusive: 'promote',
    onFreeze: 'continue',
  });
  t.same(accept(withRollout('{}')).flags.get('a')?.rollout, {});
  t.end();
});

for (const [what, rollout, complaint] of [
  [
    'steps that shrink',
    '{ steps: [50%, 5%, 100%] }',
    /:10:\d+: flags\.a\.rollout\.steps\[1\]: is smaller than the step/,
  ],
  ['a last step that is not all', '{ steps: [5%, 50%] }', /steps\[1\]: is the last step and not 100%/],
  [
    'an approval at the end',
    '{ steps: [{ weight: 100%, approve: true }] }',
    /waits for approval, and nothing follows it/,
  ],
  ['a step for nobody', '{ steps: [0%, 100%] }', /steps\[0\]: is on for nobody and waits for nobody/],
  ['a finer share than there is', '{ steps: [0.0005%, 100%] }', /steps\[0\]: .*in steps of 0\.001%/],
  ['a share without a sign', '{ steps: [5, 100%] }', /steps\[0\]/],
  ['no duration', '{ hold: 10 }', /rollout\.hold: .*a duration such as/],
  ['all held back', '{ holdBack: 100% }', /rollout\.holdBack: leaves nobody/],
  ['a word of services', '{ verify: {} }', /:10:\d+: flags\.a\.rollout.*verify/],
  ['a plan', '{ plan: blue-green }', /flags\.a\.rollout.*plan/],
  ['a guard inside', '{ guard: {} }', /flags\.a\.rollout.*guard/],
  [
    'a step that waits for requests without a guard that counts them',
    '{ steps: [{ weight: 5%, minRequests: 3 }, 100%] }',
    /:10:\d+: flags\.a\.rollout\.steps\[0\]\.minRequests: waits for requests that nobody counts/,
  ],
  ['the same for all steps', '{ minRequests: 3 }', /:10:\d+: flags\.a\.rollout\.minRequests: .*beside a guard/],
] as const) {
  t.test(`refused: ${what}`, (t) => {
    t.match(complaints(withRollout(rollout)), [complaint]);
    t.end();
  });
}

t.test('how it is rolled out is no instruction, in any environment', (t) => {
  const print = (rest: object): string =>
    flagFingerprint({ strategy: 'percentage', value: 5, ...rest } as FlagDefinition);
  const rollout = { hold: '1m' };
  t.equal(print({ rollout }), print({}));
  t.equal(print({ environments: { staging: { rollout } } }), print({}));
  t.equal(
    print({ environments: { staging: { rollout, value: 7 } } }),
    print({ environments: { staging: { value: 7 } } }),
  );
  t.not(print({ rollout, value: 6 }), print({ rollout }));
  t.end();
});
