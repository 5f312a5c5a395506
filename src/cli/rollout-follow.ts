/**
 * Follows a rollout, or several that were started together, until the end: a card that is drawn in place on a terminal, lines elsewhere.
 *
 * The lines are one for each change, since they are read in the log of a CI job; and one every few minutes while nothing changes,
 * because CI jobs that say nothing for long are ended. The last line is how it ended and why.
 *
 * A rollout outlives this program and the proxy's restarts. So while Tidegate is away this goes on asking for a minute, and who
 * interrupts it is told that the rollout goes on and how to follow it.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { outcomeOf } from '../control/group-outcome.ts';
import type { RolloutView } from '../control/operations.ts';
import { type Admin, type Answer, ask, type Failure, reportFailure } from './admin-client.ts';
import { groupCard, groupEndLine } from './group-card.ts';
import { type CliIo, EXIT } from './io.ts';
import { LiveScreen } from './live-screen.ts';
import { rolloutCard } from './rollout-card.ts';
import { changeKey, endLine, progressLine } from './rollout-line.ts';
import { isRolloutView } from './rollout-shapes.ts';
import { cut, plain, shown } from './terminal-text.ts';

const LOOK_MS = 500;
/** How long Tidegate may be away. */
const AWAY_MAX_MS = 60_000;
const SILENCE_MAX_MS = 5 * 60_000;

/** What is to be followed, and how it is shown. */
export interface Following {
  readonly admin: Admin;
  /** The group that was started; null for one service. */
  readonly group: string | null;
  readonly first: readonly RolloutView[];
  readonly json: boolean;
  readonly io: CliIo;
}

/** Shows them until all have ended; answers 0 promoted, 1 ended otherwise, 3 Tidegate gone, or `interruptedCode`. */
export async function follow({ admin, group, first, json, io }: Following, interruptedCode: number): Promise<number> {
  const signal = io.interrupted();
  const screen = json ? null : io.isTerminal ? new CardScreen(group, io) : new Lines(group, io);
  let latest = first;
  let reachedAt = performance.now();
  screen?.show(latest, null);
  try {
    while (!outcomeOf(latest).hasEnded && !signal.aborted) {
      // Rejects only by the signal, which the loop then sees.
      await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
      if (signal.aborted) break;
      const answer = await askAll(admin, latest, signal);
      if (signal.aborted) break;
      if (answer.kind === 'ok') {
        latest = answer.value;
        reachedAt = performance.now();
      } else if (answer.kind === 'refused' || performance.now() - reachedAt > AWAY_MAX_MS) {
        screen?.end();
        const message = `what became of ${idsOf(first)} is not known: ${answer.message}`;
        return reportFailure({ ...answer, message }, json, io);
      }
      screen?.show(latest, answer.kind === 'ok' ? null : answer);
    }
  } finally {
    screen?.end();
  }
  const { hasEnded, isPromoted, reason } = outcomeOf(latest);
  if (json) {
    const whole = group === null ? latest[0] : { group, rollouts: latest, hasEnded, isPromoted, reason };
    io.out(`${JSON.stringify(whole)}\n`);
  } else if (!hasEnded) {
    io.out(shown(detachedLine(group, latest), io));
  } else {
    for (const rollout of latest) io.out(shown(endLine(rollout), io));
    if (group !== null) io.out(shown(groupEndLine(group, latest), io));
  }
  if (!hasEnded) return interruptedCode;
  return isPromoted ? EXIT.done : EXIT.refused;
}

/** Asks for each of them by its number, since a service may begin another one meanwhile; the first failure is that of all. */
async function askAll(
  admin: Admin,
  rollouts: readonly RolloutView[],
  signal: AbortSignal,
): Promise<Answer<readonly RolloutView[]>> {
  const path = (id: number): readonly string[] => ['api', 'rollouts', String(id)];
  const answers = await Promise.all(
    rollouts.map(({ id }) => ask(admin, { method: 'GET', path: path(id), signal }, isRolloutView)),
  );
  const failed = answers.find((answer) => answer.kind !== 'ok');
  if (failed !== undefined) return failed as Failure;
  return { kind: 'ok', value: answers.flatMap((answer) => (answer.kind === 'ok' ? [answer.value] : [])) };
}

function idsOf(rollouts: readonly RolloutView[]): string {
  const ids = rollouts.map(({ id }) => id);
  return `rollout${ids.length === 1 ? '' : 's'} ${ids.join(', ')}`;
}

function detachedLine(group: string | null, rollouts: readonly RolloutView[]): string {
  const whom = group === null ? rollouts[0]!.service : `--group ${group}`;
  const verb = '`tidegate rollout';
  const goes = group === null ? `rollout ${rollouts[0]!.id} of ${whom} goes` : `${idsOf(rollouts)} of ${group} go`;
  return `${goes} on without this: ${verb} status ${whom} --watch\` follows it, ${verb} abort ${whom}\` takes it back`;
}

/** A card that is drawn in place. */
class CardScreen {
  readonly #group: string | null;
  readonly #io: CliIo;
  readonly #live = new LiveScreen();
  readonly #stopResize: () => void;
  #last: readonly [readonly RolloutView[], Failure | null] | null = null;

  constructor(group: string | null, io: CliIo) {
    this.#group = group;
    this.#io = io;
    this.#stopResize = io.onResize(() => {
      if (this.#last !== null) this.show(...this.#last);
    });
  }

  show(rollouts: readonly RolloutView[], away: Failure | null): void {
    this.#last = [rollouts, away];
    const { columns, rows, colour, unicode } = this.#io.screen();
    const style = { width: columns, colour, unicode };
    const card =
      this.#group === null ? rolloutCard(rollouts[0]!, style, true) : groupCard(this.#group, rollouts, style);
    const trouble = away === null ? '' : `${cut(`  ${away.message}`, columns, unicode ? '…' : '~')}\n`;
    this.#io.out(this.#live.frame(card + trouble, { columns, rows }));
  }

  end(): void {
    this.#stopResize();
    this.#io.out(this.#live.end());
  }
}

/** A line for each change. */
class Lines {
  readonly #group: string | null;
  readonly #io: CliIo;
  /** What was said last of each rollout, and when, by its number. */
  readonly #said = new Map<number, { readonly key: string; readonly at: number }>();
  #isAway = false;

  constructor(group: string | null, io: CliIo) {
    this.#group = group;
    this.#io = io;
  }

  show(rollouts: readonly RolloutView[], away: Failure | null): void {
    if (away !== null) {
      if (!this.#isAway) this.#io.err(`tidegate: ${away.message} Asking on for a minute.\n`);
      this.#isAway = true;
      return;
    }
    this.#isAway = false;
    for (const rollout of rollouts) this.#say(rollout);
  }

  #say(rollout: RolloutView): void {
    const key = changeKey(rollout);
    const at = performance.now();
    const before = this.#said.get(rollout.id);
    if (before?.key === key && at - before.at < SILENCE_MAX_MS) return;
    this.#said.set(rollout.id, { key, at });
    if (rollout.endedAt !== null) return;
    const name = this.#group === null ? '' : `${plain(rollout.service)}  `;
    this.#io.out(shown(`${name}${progressLine(rollout, new Date())}`, this.#io));
  }

  end(): void {}
}
