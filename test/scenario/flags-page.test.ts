/**
 * docs/flags.md does what it says: its commands are run in their order against the example shop, its pieces of config are valid, and its
 * code for Node is the example's. With WRITE_PAGES=1 the page gets the outputs of this run.
 */
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import type { AddressInfo, Server } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import t from 'tap';
import { parseConfig } from '../../src/config/parse.ts';
import { formatProblem } from '../../src/config/problem.ts';
import { tidegateHere } from '../unit/cli/in-process.ts';
import { inBash, steady, withOutputs, wordsOf } from './stage/page-commands.ts';
import { type Cleaning, Tidegate, temporaryDirectory } from './stage/tidegate.ts';

const PAGE = resolve('docs/flags.md');
const EXAMPLES = resolve('config/examples/flags');
const VISITORS = 400;
const NODE_CODE = /(^### Node\n[\s\S]*?^```js\n)[\s\S]*?(^```$)/m;

/** The shop of the examples behind Tidegate, and what runs the commands of the page. */
async function place(t: Cleaning) {
  const { createShop } = (await import(join(EXAMPLES, 'shop.js'))) as { readonly createShop: () => Server };
  const shop = createShop().listen(0, '127.0.0.1');
  t.teardown(() => shop.close());
  await once(shop, 'listening');
  const directory = await temporaryDirectory(t);
  const tidegate = await Tidegate.start(t, join(EXAMPLES, 'tidegate.yaml'), {
    env: {
      SHOP_LISTEN: '127.0.0.1:0',
      SHOP_ADMIN: '127.0.0.1:0',
      SHOP_STATE: join(directory, 'state.db'),
      SHOP_ENDPOINT: `127.0.0.1:${(shop.address() as AddressInfo).port}`,
    },
  });
  const base = `http://127.0.0.1:${tidegate.port}/`;
  const admin = `http://127.0.0.1:${tidegate.admin.port}`;
  const env = { TIDEGATE_ADMIN: admin, OFREP_ENDPOINT: admin };
  const run = async (line: string): Promise<string> => {
    const [program, ...words] = wordsOf(line.replaceAll('http://127.0.0.1:8080/', base));
    switch (program) {
      case 'tidegate': {
        // The page stands in the folder of the examples, and a test stands where the runner does.
        const here = words.map((word) => (word.startsWith('exports/') ? join(EXAMPLES, word) : word));
        const { out, err } = await tidegateHere(here, { env, columns: 80 });
        return out + err;
      }
      case 'curl':
        return (await fetch(words.at(-1)!, { headers: { cookie: words[words.indexOf('-b') + 1]! } })).text();
      default:
        return inBash(line, EXAMPLES, { ...env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` });
    }
  };
  return { base, run };
}

/** Whoever has run it is Ann on the page, in a column as wide as before. */
function renamed(by: string): string {
  return by.endsWith('  ') ? 'cli:ann'.padEnd(by.length) : 'cli:ann';
}

t.test('every command of the page gives what the page shows, and its Node code is what the examples run', async (t) => {
  const { base, run } = await place(t);
  for (let i = 0; i < VISITORS; i += 1) {
    const response = await fetch(base, { headers: { cookie: `uid=user-${i}` } });
    t.equal(response.status, 200);
    t.match(await response.text(), /^checkout: (?:one page|three pages), button: (?:grey|green|blue)\n$/);
  }
  const page = await readFile(PAGE, 'utf8');
  const code = await readFile(join(EXAMPLES, 'openfeature.js'), 'utf8');
  let said = '';
  const outputs = await withOutputs(page, async (line) => {
    const out = await run(line);
    said += out;
    return out;
  });
  const actual = outputs.replace(NODE_CODE, (_, before: string, after: string) => before + code + after);
  if (process.env.WRITE_PAGES === '1') await writeFile(PAGE, actual.replaceAll(/cli:[\w-]+(?: {2})?/g, renamed));
  else t.equal(steady(actual), steady(page));
  t.match(said, 'buy-button: grey (grey, TARGETING_MATCH)');
  const both = 'OLD=$OFREP_ENDPOINT NEW=$OFREP_ENDPOINT node compare.js';
  t.match(await run(`echo alice | ${both} no-such-flag; true`), '1 keys asked for, 0 differ, 1 without an answer');
  t.match(await run(`echo '{"targetingKey":"alice","country":"AT"}' | ${both} buy-button string`), 'for, 0 differ\n');
  t.match(await run(`echo alice | ${both} buy-button nonsense 2>&1; true`), 'usage: OLD=URL NEW=URL');
  t.notMatch(said, /not found|cannot be re|there is no flag|^usage:/m);
});

t.test('every piece of config on the page is valid', async (t) => {
  const page = await readFile(PAGE, 'utf8');
  const pieces = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);
  t.ok(pieces.length > 6);
  const rest: Readonly<Record<string, string>> = {
    listeners: 'listeners: [{ address: 127.0.0.1:0 }]\n',
    services: 'services: { shop: { pools: { main: { version: v1, endpoints: [127.0.0.1:1] } }, traffic: main } }\n',
    flagContext: 'flagContext: { key: [{ cookie: uid }] }\n',
  };
  for (const piece of pieces) {
    // A guard wants a route that names its flag.
    const flags = [...(/^flags:\n((?: .*\n)*)/m.exec(piece)?.[1] ?? '').matchAll(/^ {2}([\w-]+):/gm)].map(
      ([, name]) => name,
    );
    const routes = `routes: [{ path: /, service: shop, flags: [${flags}] }]\n`;
    const missing = Object.entries({ ...rest, routes }).filter(([key]) => !new RegExp(`^${key}:`, 'm').test(piece));
    const text = missing.map(([, part]) => part).join('') + piece;
    const { problems } = parseConfig(text, { file: 'flags.md', env: { JWT_SECRET: 'a-secret-of-the-page' } });
    t.strictSame(problems.map(formatProblem), [], piece);
    t.notMatch(piece, /strategy: none\n +rules:/, 'rules of a flag that is switched off are never asked');
  }
});
