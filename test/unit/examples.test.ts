/**
 * The configs that people copy from: each is valid as it stands, without a word of warning.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import t from 'tap';
import { parseConfig } from '../../src/config/parse.ts';
import { formatProblem } from '../../src/config/problem.ts';
import { decideAtLoad } from '../../src/control/precedence.ts';

const DIRECTORY = 'config/examples';
const FILES = readdirSync(DIRECTORY, { withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ name }) => `${DIRECTORY}/${name}`);
const PROMISED = [
  'behind-a-load-balancer',
  'blue-green',
  'canary',
  'forward-auth',
  'many-services',
  'rollout-blue-green',
  'rollout-canary',
  'rollout-group',
  'sticky',
].map((name) => `${DIRECTORY}/${name}.yaml`);

t.test('there is an example for each way to release, and nothing else lies among them', async (t) => {
  t.strictSame(
    PROMISED.filter((file) => !FILES.includes(file)),
    [],
  );
  for (const file of FILES) t.match(file, /\/[a-z-]+\.yaml$/);
});

for (const file of ['config/tidegate.yaml', `${DIRECTORY}/flags/tidegate.yaml`, ...FILES]) {
  t.test(`${file} is valid without a warning and without any variable of the environment`, async (t) => {
    const text = readFileSync(file, 'utf8');
    const { config, problems } = parseConfig(text, { file, env: {} });
    t.strictSame(problems.map(formatProblem), []);
    t.ok(config);
  });

  t.test(`${file} names the schema for editors and says in its first lines what it is`, async (t) => {
    const lines = readFileSync(file, 'utf8').split('\n');
    const schema = relative(dirname(file), 'config/schema.json');
    t.equal(lines[0], `# yaml-language-server: $schema=${schema.startsWith('.') ? schema : `./${schema}`}`);
    t.match(lines[2], /^# \S.{20,}/);
    t.ok(lines.every((line) => line.length <= 120));
  });
}

t.test(
  'what npm start runs can be told by the environment where to listen, and keeps the token out of sight',
  async (t) => {
    const text = readFileSync('config/tidegate.yaml', 'utf8');
    const env = {
      TIDEGATE_LISTEN: '127.0.0.1:0',
      TIDEGATE_ADMIN_ADDRESS: '0.0.0.0:9901',
      TIDEGATE_TOKEN: 'a-secret-of-somebody',
    };
    const { config, redacted, problems } = parseConfig(text, { file: 'tidegate.yaml', env });
    t.strictSame(problems, []);
    t.strictSame(config?.listeners[0]?.address, { host: '127.0.0.1', port: 0 });
    t.equal(config?.admin.address.port, 9901);
    t.notMatch(redacted, 'a-secret-of-somebody');
  },
);

t.test('every config in the README is valid, and every file that the pages point at is there', async (t) => {
  const readme = readFileSync('README.md', 'utf8');
  const texts = [...readme.matchAll(/```yaml\n(.*?)```/gs)].map((match) => match[1]!);
  t.ok(texts.length > 0);
  const [whole, ...pieces] = texts;
  const others = whole!.replace(/^routes:\n(?: .*\n)*/m, '');
  for (const text of [whole!, ...pieces.map((piece) => others + piece)]) {
    t.strictSame(parseConfig(text, { file: 'README.md', env: {} }).problems.map(formatProblem), []);
  }
  const docs = readdirSync('docs', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'));
  const pages = ['README.md', 'CHANGELOG.md', ...docs.map((name) => `docs/${name}`)];
  for (const page of pages) {
    for (const [, link] of readFileSync(page, 'utf8').matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
      t.ok(existsSync(join(dirname(page), link!)), `${page} points at ${link}`);
    }
  }
});

t.test('what npm start runs begins with all traffic on blue', async (t) => {
  const { config } = parseConfig(readFileSync('config/tidegate.yaml', 'utf8'), { file: 'tidegate.yaml', env: {} });
  const shop = config!.services.get('shop')!;
  const { weights } = decideAtLoad({
    stored: null,
    fileWeights: shop.traffic,
    fileFingerprint: '',
    pools: [...shop.pools.keys()],
  });
  t.strictSame({ ...weights }, { blue: 100, green: 0 });
});
