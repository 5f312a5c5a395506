/** `flags` of a step of a service's rollout. */
import t from 'tap';
import { accept, complaints, SMALL } from './texts.ts';

/** The small config with a rollout of this first step, and some flags. */
function withStep(flags: string): string {
  const rollout = `    rollout: { steps: [{ weight: 5%, flags: ${flags} }, 100%] }\nroutes:`;
  const others =
    'all: { strategy: all }, ramp: { strategy: percentage, ramp: { from: 1, to: 2, start: 2026-12-01T00:00:00Z, over: 1h } }';
  return `${SMALL.replace('routes:', rollout)}flags: { new-nav: { strategy: percentage, value: 5 }, ${others} }\n`;
}

t.test('a step names flags of the file with their shares', (t) => {
  const steps = accept(withStep('{ new-nav: 12.5% }')).services.get('shop')?.rollout.steps;
  t.same(
    steps?.map(({ flags }) => flags),
    [{ 'new-nav': 0.125 }, undefined],
  );
  t.end();
});

for (const [what, flags, complaint] of [
  ['a flag that there is not', '{ new-nva: 5% }', /steps\[0\]\.flags\.new-nva: .*no flag of this file.*new-nav/],
  ['a flag without a share', '{ all: 5% }', /flags\.all: .*has no share that a step could set: its strategy is all/],
  ['a ramp', '{ ramp: 5% }', /flags\.ramp: .*it has a ramp/],
  ['a finer share', '{ new-nav: 0.0005% }', /flags\.new-nav: is finer than a flag can be/],
  ['a number', '{ new-nav: 5 }', /flags\.new-nav/],
  ['none', '{}', /flags: has no flag, or too many/],
] as const) {
  t.test(`refused: ${what}`, (t) => {
    t.match(complaints(withStep(flags)), [complaint]);
    t.end();
  });
}
