/**
 * The story of two releases: a good version goes along its steps to the end, a bad one is turned back on the way, and nobody
 * says a word in between.
 *
 * What is shown comes from the decision log of each rollout, as anybody can ask for it, and not from a look at the screen:
 * so each step has exactly the verdict that it was taken by.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RolloutView } from '../../control/operations.ts';
import { ask } from '../admin-client.ts';
import { counted, duration, percent } from '../figures.ts';
import { DecisionReader } from './decision-reader.ts';
import { type Account, settle } from './load.ts';
import { SERVICE } from './scene.ts';
import type { Cast, Story, Telling } from './story.ts';

interface Release {
  readonly title: string;
  readonly to: string;
  /** How it should end. */
  readonly ending: 'succeeded' | 'rolled-back';
}

const BAD_SHARE = 0.05;
const RELEASES: readonly Release[] = [
  { title: 'A release: v2.0 on green, which is as good as v1.0.', to: 'green', ending: 'succeeded' },
  {
    title: `The next one: v2.1 on bad. It passes all checks, and fails ${percent(BAD_SHARE)}% of its requests.`,
    to: 'bad',
    ending: 'rolled-back',
  },
];

/** One release, and what came of it. */
interface ReleaseAccount {
  readonly id: number;
  readonly to: string;
  readonly phase: RolloutView['phase'];
  readonly reason: string;
  readonly ranMs: number;
  /** When the judge found it worse, on the rollout's clock; null if never. */
  readonly worseAtMs: number | null;
  /** What the clients sent while it ran, and what came of it. */
  readonly sent: number;
  readonly failed: number;
  readonly lost: number;
}

const SERVICE_PATH = ['api', 'services', SERVICE] as const;
const POLL_MS = 100;

/** A good release and a bad one. */
export const CANARY_STORY: Story = {
  seconds: 30,
  // One before the first release, three steps and the bake of the good one, and about one until the bad one is found.
  holds: 6,
  setting: (holdMs) => ({ badShare: BAD_SHARE, holdMs }),
  trials: [
    {
      words: `rollout start ${SERVICE} --to bad --again --wait`,
      note: 'it was turned back, so it has to be said again',
    },
    { words: `rollout history ${SERVICE}` },
    { words: 'rollout explain 2' },
  ],
  tell: async (cast) => telling(await tell(cast)),
};

async function tell(cast: Cast): Promise<readonly ReleaseAccount[]> {
  const { stage, holdMs, signal } = cast;
  const accounts: ReleaseAccount[] = [];
  await sleep(holdMs, undefined, { signal }).catch(() => {});
  for (const { title, to } of RELEASES) {
    if (signal.aborted) break;
    stage.say('', title);
    const account = await follow(to, cast);
    if (account === null) break;
    accounts.push(account);
    await stage.showTable();
  }
  return accounts;
}

/** Starts a rollout and shows what it does to its end; null when the signal came before that. */
async function follow(to: string, { admin, load, stage, signal }: Cast): Promise<ReleaseAccount | null> {
  const command = `tidegate rollout start ${SERVICE} --to ${to}`;
  stage.say(`  $ ${command} --wait`);
  const headers = { 'x-tidegate-by': 'demo' };
  const path = [...SERVICE_PATH, 'rollout'];
  const during = load.begin();
  const started = await ask(admin, { method: 'POST', path, body: { to }, headers }, isRolloutView);
  if (started.kind !== 'ok') throw new Error(`${command}: ${started.message}`);
  const reader = new DecisionReader(admin, stage, started.value.id);
  let view = started.value;
  let place = '';
  while (view.endedAt === null) {
    if (signal.aborted) return null;
    await sleep(POLL_MS);
    const answer = await ask(admin, { method: 'GET', path }, isRolloutView);
    if (answer.kind !== 'ok') throw new Error(`the rollout to ${to}: ${answer.message}`);
    view = answer.value;
    const now = `${view.phase} ${view.step}`;
    if (now !== place && view.endedAt === null) await reader.readOn();
    place = now;
  }
  const worseAtMs = await reader.readOn();
  load.begin();
  await settle([during]);
  const { sent, failed, lost } = during;
  stage.say(...endLines(view, during));
  const { id, phase, reason, ranMs } = view;
  return { id, to, phase, reason, ranMs, worseAtMs, sent, failed, lost };
}

function endLines({ phase, ranMs, share, active, candidate }: RolloutView, { sent, failed, lost }: Account): string[] {
  const holder = share === 0 ? active : candidate;
  const failures = failed === 0 ? 'none failed' : `${failed} failed by a version`;
  return [
    `  ${phase} after ${duration(ranMs)}: ${holder} has the traffic`,
    `  clients: ${lost} lost of ${counted(sent, 'request')}, ${failures}`,
  ];
}

function telling(accounts: readonly ReleaseAccount[]): Telling {
  const ended = accounts.map(({ to, phase }) => `${to} ${phase}`);
  return {
    isWhole: accounts.length === RELEASES.length,
    isGood: accounts.every(isAsItShould),
    summary: ended.length === 0 ? '' : `; ${ended.join(', ')}`,
    account: { releases: accounts },
  };
}

function isAsItShould({ phase, worseAtMs }: ReleaseAccount, index: number): boolean {
  return phase === RELEASES[index]!.ending && (worseAtMs !== null) === (phase === 'rolled-back');
}

function isRolloutView(value: unknown): value is RolloutView {
  if (typeof value !== 'object' || value === null) return false;
  const { id, phase, step, reason, ranMs } = value as Record<string, unknown>;
  return [id, step, ranMs].every(Number.isFinite) && [phase, reason].every((text) => typeof text === 'string');
}
