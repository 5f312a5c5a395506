import t from 'tap';
import { parseConfig } from '../../../src/config/parse.ts';

function parse(line: string) {
  const text = [
    'listeners: [{ address: 127.0.0.1:0 }]',
    line,
    'services:',
    '  shop:',
    '    pools: { blue: { version: v1, endpoints: [127.0.0.1:1] } }',
    `    ${line.startsWith('shutdown') ? '# nothing' : line}`,
    'routes: [{ service: shop }]',
  ];
  if (!line.startsWith('shutdown')) text.splice(1, 1, '# nothing');
  const { config, problems } = parseConfig(text.join('\n'), { file: 'test.yaml', env: {} });
  const shop = config?.services.get('shop');
  return { drain: [shop?.drainMs, shop?.drainPerSecond], shutdown: config?.shutdown, problems };
}

t.test('a drain is a time, or a time and a pace; each has a default', async (t) => {
  t.same(parse('drain: 2m').drain, [120_000, 100]);
  t.same(parse('drain: { after: 2m, perSecond: 7 }').drain, [120_000, 7]);
  t.same(parse('drain: { perSecond: 7 }').drain, [300_000, 7]);
  t.same(parse('drain: {}').drain, [300_000, 100]);
  t.same(parse('drain: 0s').drain, [0, 100]);
});

t.test('streams are spread over the last ten seconds of a stop, or over as much of it as there is', async (t) => {
  t.match(parse('shutdown: {}').shutdown, { deadlineMs: 30_000, spreadMs: 10_000 });
  t.match(parse('shutdown: { deadline: 3s }').shutdown, { deadlineMs: 3000, spreadMs: 3000 });
  t.match(parse('shutdown: { deadline: 1m, spread: 0s }').shutdown, { deadlineMs: 60_000, spreadMs: 0 });
});

for (const [line, path, at] of [
  ['drain: { after: 5 }', 'services.shop.drain.after', 6],
  ['drain: { perSecond: 0 }', 'services.shop.drain.perSecond', 6],
  ['drain: { every: 5s }', 'services.shop.drain.every', 6],
  ['drain: soon', 'services.shop.drain', 6],
  ['shutdown: { spread: 10 }', 'shutdown.spread', 2],
] as const) {
  t.test(`refused: ${line}`, async (t) => {
    t.match(parse(line).problems, [{ line: at, path }]);
  });
}
