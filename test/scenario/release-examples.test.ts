/**
 * The pipelines and the script of `config/examples/ci/`, run as they stand: their own lines in a real bash, with a real
 * Tidegate and traffic. What a team has of its own (`deploy.sh`, `systemctl`) is played by the test.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { Load } from './stage/load.ts';
import { shopConfig } from './stage/shop.ts';
import { type Cleaning, startTidegate, type Tidegate } from './stage/tidegate.ts';
import { type Handler, sayVersion, Upstream } from './stage/upstream.ts';

const EXAMPLES = resolve('config/examples/ci');
const PROGRAM = resolve('bin/tidegate.js');
const SCRIPT_MS_MAX = 60_000;

/** Answers after a moment, so that the clients leave the machine to the commands under test. */
const think: Handler = (req, res, upstream) => {
  setTimeout(() => sayVersion(req, res, upstream), 10);
};

interface Place {
  readonly tidegate: Tidegate;
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  readonly green: Upstream;
  /** The database of green is gone: its smoke test fails. */
  readonly breakGreen: () => void;
  /** What was said to the stand-ins of deploy.sh and systemctl. */
  readonly said: () => Promise<string>;
}

/** A Tidegate under load with a shop and a feature, and a PATH on which the commands are that a runner has. */
async function place(t: Cleaning): Promise<Place> {
  let isBroken = false;
  const green = await Upstream.start(t, 'v2', (req, res, upstream) => {
    if (isBroken && req.url === '/ready') res.writeHead(500).end('no database');
    else think(req, res, upstream);
  });
  const [blue, off, on] = await Promise.all(['v1', 'off', 'on'].map((name) => Upstream.start(t, name, think)));
  const tidegate = await startTidegate(
    t,
    shopConfig({
      pools: {
        blue: { version: 'v1', endpoints: [blue!.address] },
        green: { version: 'v2', endpoints: [green.address] },
      },
      traffic: 'blue',
      service: [
        'health: { path: /healthz, interval: 100ms }',
        'rollout:',
        '  steps: [50%, 100%]',
        '  hold: 100ms',
        '  bake: 100ms',
        '  inconclusive: promote',
        '  verify: { timeout: 2s, smoke: [{ path: /ready, timeout: 1s }] }',
      ],
      routes: ['{ path: /search, service: search }'],
    }).replace('services:\n', `services:\n${searchLines(off!.address, on!.address)}`),
  );
  const load = new Load({ port: tidegate.port, clients: 2, keepAlive: true });
  t.teardown(() => load.stop());
  const directory = dirname(tidegate.file);
  const bin = join(directory, 'bin');
  await mkdir(bin);
  const said = join(directory, 'said');
  await writeFile(said, '');
  const tool = async (file: string, lines: string): Promise<void> => {
    await writeFile(file, `#!/usr/bin/env bash\nset -eu\n${lines}\n`);
    await chmod(file, 0o755);
  };
  await tool(join(bin, 'tidegate'), `exec env -u NODE_OPTIONS '${process.execPath}' '${PROGRAM}' "$@"`);
  await tool(join(bin, 'systemctl'), `echo "systemctl $*" >> '${said}'`);
  await tool(
    join(directory, 'deploy.sh'),
    `echo "deploy $*" >> '${said}'\nsed -i -E "s/^( *$1: \\{ version: )[^,]+/\\1$2/" tidegate.yaml`,
  );
  const env = {
    PATH: `${bin}:${process.env.PATH}`,
    HOME: directory,
    TIDEGATE_ADMIN: `http://127.0.0.1:${tidegate.admin.port}`,
    LANG: 'C.UTF-8',
    NO_COLOR: '1',
  };
  return {
    tidegate,
    directory,
    env,
    green,
    breakGreen: () => {
      isBroken = true;
    },
    said: () => readFile(said, 'utf8'),
  };
}

function searchLines(off: string, on: string): string {
  return [
    '  search:',
    '    pools:',
    `      "off": { version: v1, endpoints: [${off}] }`,
    `      "on": { version: v1, endpoints: [${on}] }`,
    '    traffic: "off"',
    '',
  ].join('\n');
}

interface Outcome {
  readonly code: number;
  readonly out: string;
}

function bash(
  { directory, env }: Place,
  args: readonly string[],
  more: Readonly<Record<string, string>>,
): Promise<Outcome> {
  return new Promise((done) => {
    const options = { cwd: directory, env: { ...env, ...more }, timeout: SCRIPT_MS_MAX };
    execFile('env', ['-u', 'NODE_OPTIONS', 'bash', ...args], options, (error, out, err) => {
      done({ code: error === null ? 0 : Number(error.code ?? -1), out: `${out}${err}` });
    });
  });
}

interface Step {
  readonly name?: string;
  readonly run?: string;
  readonly if?: string;
  readonly env?: Readonly<Record<string, string | number>>;
}

/** Runs the steps of a job of GitHub as a runner does, and the ones for failures when one has failed. */
async function runSteps(at: Place, steps: readonly Step[], env: Readonly<Record<string, string>>): Promise<Outcome> {
  const variables = join(at.directory, 'github-env');
  await writeFile(variables, '');
  let code = 0;
  let all = '';
  for (const step of steps) {
    const isDue = step.if === undefined ? code === 0 : step.if === 'failure()' && code !== 0;
    if (step.run === undefined || !isDue) continue;
    const kept = (await readFile(variables, 'utf8')).split('\n').filter((line) => line.includes('='));
    const earlier = Object.fromEntries(kept.map((line) => line.split('=') as [string, string]));
    const outcome = await bash(at, ['-eo', 'pipefail', '-c', step.run], { ...env, ...earlier, GITHUB_ENV: variables });
    all += outcome.out;
    if (code === 0) code = outcome.code;
  }
  return { code, out: all };
}

const GITHUB = { VERSION: 'v2.1', GITHUB_RUN_ID: '17', GITHUB_ACTOR: 'ann' };

async function githubJobs(): Promise<Readonly<Record<string, { readonly steps: readonly Step[] }>>> {
  const text = await readFile(join(EXAMPLES, 'github-actions.yml'), 'utf8');
  return (parse(text) as { readonly jobs: Record<string, { readonly steps: readonly Step[] }> }).jobs;
}

t.test(
  'the job for GitHub deploys to the idle pool, rolls out and ends with 0; the next one finds the other',
  async (t) => {
    const at = await place(t);
    const { release } = await githubJobs();
    const { code, out } = await runSteps(at, release!.steps, GITHUB);
    t.equal(code, 0, out);
    t.match(out, /\nshop: rollout 1 to green \(v2\.1\) promoted: [^\n]+\n$/);
    t.equal((await at.tidegate.admin.service()).active, 'green');
    t.equal(await at.said(), 'deploy green v2.1\n');
    const next = await runSteps(at, release!.steps.slice(0, 2), GITHUB);
    t.equal(next.code, 0, next.out);
    t.equal(await readFile(join(at.directory, 'github-env'), 'utf8'), 'POOL=blue\n');
  },
);

t.test(
  'a version that is not verified ends the job for GitHub with 1 and says why, and no traffic has moved',
  async (t) => {
    const at = await place(t);
    at.breakGreen();
    const { release } = await githubJobs();
    const { code, out } = await runSteps(at, release!.steps, GITHUB);
    t.equal(code, 1, out);
    t.match(out, /GET \/ready: status 500, expected 200; it said "no database"/);
    t.match(
      out,
      /\nshop: rollout 1 to green \(v2\.1\) failed: [^\n]+\n$/,
      'the explanation of the failed job comes last',
    );
    const { active, epoch } = await at.tidegate.admin.service();
    t.strictSame([active, epoch], ['blue', 1]);
  },
);

t.test('the job for GitHub raises the share of a feature step by step', async (t) => {
  const at = await place(t);
  const { raise } = await githubJobs();
  const step = raise!.steps[0]!;
  const numbers = Object.fromEntries(Object.entries(step.env!).map(([name, value]) => [name, String(value)]));
  const { code, out } = await runSteps(at, raise!.steps, { ...GITHUB, ...numbers, PAUSE_SECONDS: '0' });
  t.equal(code, 0, out);
  t.match((await at.tidegate.admin.service('search')).traffic, { on: 20, off: 80 });
  const refused = await runSteps(at, raise!.steps, { ...GITHUB, PAUSE_SECONDS: '0', ERRORS_MOST: '-1' });
  t.equal(refused.code, 1, 'too many errors');
  t.match((await at.tidegate.admin.service('search')).traffic, { on: 0, off: 100 });
});

t.test('the jobs for GitLab do the same', async (t) => {
  const at = await place(t);
  const jobs = parse(await readFile(join(EXAMPLES, 'gitlab-ci.yml'), 'utf8')) as Readonly<
    Record<'release' | 'raise', { readonly script: readonly string[]; readonly after_script: readonly string[] }>
  >;
  const run = (lines: readonly string[], more: Readonly<Record<string, string>>): Promise<Outcome> =>
    bash(at, ['-eo', 'pipefail', '-c', lines.join('\n')], { CI_PIPELINE_ID: '17', VERSION: 'v2.1', ...more });
  const released = await run(jobs.release.script, {});
  t.equal(released.code, 0, released.out);
  t.match(released.out, /\nshop: rollout 1 to green \(v2\.1\) promoted: [^\n]+\n$/);
  t.equal((await run(jobs.release.after_script, { CI_JOB_STATUS: 'failed' })).code, 0);
  const cancelled = await run(jobs.release.after_script, { CI_JOB_STATUS: 'canceled' });
  t.match(cancelled, { code: 1, out: /no rollout of shop runs/ }, 'there was nothing left to abort');
  const { raise } = await githubJobs();
  const same = raise!.steps[0]!.run!.trim().replaceAll('run $GITHUB_RUN_ID', 'pipeline $CI_PIPELINE_ID');
  t.equal(jobs.raise.script.join('\n').trim(), same, 'it raises by the same lines');
});

t.test('the script for systemd restarts the idle unit, flips when it is healthy, and takes back at once', async (t) => {
  const at = await place(t);
  for (const pool of ['blue', 'green']) {
    const text = `VERSION=v1\nPORT=${at.green.port}\n`;
    await writeFile(join(at.directory, `${pool}.env`), text);
  }
  const script = join(EXAMPLES, 'systemd-release.sh');
  const settings = { SHOP_CONFIG: at.tidegate.file, SHOP_ENVIRONMENTS: at.directory, SHOP_HEALTHY_WITHIN_SECONDS: '1' };
  const run = (...words: readonly string[]): Promise<Outcome> => bash(at, [script, ...words], settings);
  const released = await run('deploy', 'v2.1');
  t.equal(released.code, 0, released.out);
  t.match(released.out, /\nshop: rollout 1 to green \(v2\.1\) promoted: [^\n]+\n$/);
  t.equal(await at.said(), 'systemctl restart shop@green.service\n');
  t.match(await readFile(join(at.directory, 'green.env'), 'utf8'), /^VERSION=v2\.1$/m);
  const back = await run('rollback');
  t.match(back, { code: 0, out: /^shop: blue 0→100%, green 100→0% at epoch 3 / });
  at.green.healthStatus = 503;
  const sick = await run('deploy', 'v2.2');
  t.match(sick, { code: 1, out: /shop@green is not healthy after 1 s; no traffic has moved/ });
  t.equal((await at.tidegate.admin.service()).active, 'blue');
  t.match(await run(), { code: 1, out: /usage: systemd-release\.sh deploy VERSION/ });
  t.match(await run('deploy', 'v2; rm -r /'), { code: 1, out: /not a version/ });
});
