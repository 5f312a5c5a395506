import t from 'tap';
import { differences } from '../../../src/config/differences.ts';
import { parseConfig } from '../../../src/config/parse.ts';

/** A config with one service for each group that is named. */
function parse(...groups: readonly string[]) {
  const lines = ['listeners: [{ address: 127.0.0.1:8080 }]', 'services:'];
  groups.forEach((group, index) => {
    lines.push(
      `  s${index}:`,
      '    pools: { blue: { version: v1, endpoints: [127.0.0.1:1] } }',
      '    rollout:',
      `      group: ${group}`,
    );
  });
  lines.push('routes: [{ service: s0 }]');
  return parseConfig(`${lines.join('\n')}\n`, { file: 'test.yaml', env: {} });
}

t.test('services of one group are known by its name; without one, a service belongs to none', async (t) => {
  const { config, problems } = parse('suite', 'suite');
  t.same(problems, []);
  t.same(
    [...config!.services.values()].map(({ rollout }) => rollout.group),
    ['suite', 'suite'],
  );
  const { config: other } = parse('suite', 'other', 'other');
  t.match(
    differences(config!, other!).map(({ text }) => text),
    [/s1.*group.*suite.*other/, /s2/],
  );
});

t.test('a group of one is a warning at its line and column, with the name that was most likely meant', async (t) => {
  const { config, problems } = parse('suite', 'suite', 'suit');
  t.ok(config, 'it is no error: the others may come later');
  t.match(problems, [
    {
      line: 14,
      column: 14,
      path: 'services.s2.rollout.group',
      message: '"suit" is the group of no other service, so nothing rolls together',
      suggestion: 'suite',
      severity: 'warning',
    },
  ]);
  t.match(parse('Suite').problems, [{ path: 'services.s0.rollout.group', severity: 'error' }], 'a name is a name');
});
