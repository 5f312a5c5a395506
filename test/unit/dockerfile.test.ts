/**
 * What the image promises, read from the Dockerfile: a build cannot be had everywhere, and these are the lines that break
 * in silence.
 */
import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';

interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** The instructions of a Dockerfile, comments left out and continued lines joined. */
function instructionsOf(text: string): Instruction[] {
  const lines = text.split('\n').filter((line) => !line.startsWith('#'));
  return lines
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ name: line.split(' ')[0]!, rest: line.slice(line.indexOf(' ') + 1) }));
}

const ALL = instructionsOf(readFileSync('Dockerfile', 'utf8'));
const LAST_FROM = ALL.findLastIndex(({ name }) => name === 'FROM');
const BUILD = ALL.slice(0, LAST_FROM);
const IMAGE = ALL.slice(LAST_FROM);
const IGNORED = readFileSync('.dockerignore', 'utf8').split('\n');

function one(name: string): string {
  const found = IMAGE.filter((instruction) => instruction.name === name);
  if (found.length !== 1) throw new Error(`${found.length} ${name} in the image`);
  return found[0]!.rest;
}

t.test('the image is built by the toolchain of the repository and holds none of it', async (t) => {
  const runs = BUILD.filter(({ name }) => name === 'RUN').map(({ rest }) => rest);
  t.strictSame(runs, ['npm ci', 'npm run build && npm prune --omit=dev']);
  t.equal(IMAGE.filter(({ name, rest }) => name === 'COPY' && /(^| )(\.|src)( |$)/.test(rest)).length, 0);
});

t.test('the image runs on a Node that package.json allows', async (t) => {
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } };
  const least = Number(/[0-9]+/.exec(engines.node)![0]);
  for (const { rest } of ALL.filter(({ name }) => name === 'FROM')) {
    t.ok(Number(/^node:([0-9]+)-/.exec(rest)?.[1]) >= least, rest);
  }
});

t.test('Tidegate is the first process of the container, without a shell, so that SIGTERM reaches it', async (t) => {
  const entry = JSON.parse(one('ENTRYPOINT')) as string[];
  t.strictSame(entry, ['node', '/opt/tidegate/bin/tidegate.js']);
  t.strictSame(JSON.parse(one('CMD')), ['run', '--config', '/etc/tidegate/tidegate.yaml']);
  t.equal(one('STOPSIGNAL'), 'SIGTERM');
});

t.test('the container has no rights, and its state is in a volume that its user may write', async (t) => {
  t.equal(one('USER'), 'node');
  t.equal(one('WORKDIR'), one('VOLUME'));
  const prepared = IMAGE.findIndex(({ rest }) => rest.includes(`chown node:node ${one('VOLUME')}`));
  t.ok(prepared > 0);
  t.ok(prepared < IMAGE.findIndex(({ name }) => name === 'USER'), 'only root can give the directory away');
  t.ok(prepared < IMAGE.findIndex(({ name }) => name === 'VOLUME'), 'what comes after VOLUME is lost');
});

t.test('the health check asks /healthz without a shell, and fails on anything but a good answer', async (t) => {
  const [, form] = /CMD (\[.*\])$/.exec(one('HEALTHCHECK'))!;
  const [program, flag, script] = JSON.parse(form!) as string[];
  t.equal(program, 'node');
  t.equal(flag, '-e');
  const admin = IMAGE.find(({ name, rest }) => name === 'ENV' && rest.startsWith('TIDEGATE_ADMIN='))?.rest.split(
    '=',
  )[1];
  for (const [answer, code] of [
    [Promise.resolve({ ok: true }), 0],
    [Promise.resolve({ ok: false }), 1],
    [Promise.reject(new Error('nobody listens')), 1],
  ] as const) {
    const asked: string[] = [];
    const ended = Promise.withResolvers<number>();
    const check = new Function('process', 'fetch', script!);
    check({ env: { TIDEGATE_ADMIN: admin }, exit: ended.resolve }, (url: URL) => {
      asked.push(url.href);
      return answer;
    });
    t.equal(await ended.promise, code);
    t.strictSame(asked, ['http://127.0.0.1:9900/healthz']);
  }
});

t.test('everything that is copied is there, and the build context holds it', async (t) => {
  t.equal(IGNORED[1], '*');
  for (const { rest } of ALL.filter(({ name, rest }) => name === 'COPY' && !rest.startsWith('--from'))) {
    for (const source of rest.split(' ').slice(0, -1)) {
      t.ok(existsSync(source), source);
      t.ok(IGNORED.includes(`!${source}`), `${source} is in the build context`);
    }
  }
});
