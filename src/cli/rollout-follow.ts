/**
 * Follows a rollout until it ends: a card that is drawn in place on a terminal, lines elsewhere.
 *
 * The lines are one for each change, since they are read in the log of a CI job; and one every few minutes while nothing changes,
 * because CI jobs that say nothing for long are ended. The last line is how it ended and why.
 *
 * A rollout outlives this program and the proxy's restarts. So while Tidegate is away this goes on asking for a minute, and who
 * interrupts it is told that the rollout goes on and how to follow it.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { RolloutView } from '../control/operations.ts';
import { type Admin, ask, type Failure, reportFailure } from './admin-client.ts';
import { type CliIo, EXIT } from './io.ts';
import { LiveScreen } from './live-screen.ts';
import { rolloutCard } from './rollout-card.ts';
import { changeKey, endLine, isPromoted, progressLine } from './rollout-line.ts';
import { isRolloutView } from './rollout-shapes.ts';
import { cut, shown } from './terminal-text.ts';

const LOOK_MS = 500;
/** How long Tidegate may be away. */
const AWAY_MAX_MS = 60_000;
const SILENCE_MAX_MS = 5 * 60_000;

/** What is to be followed, and how it is shown. */
export interface Following {
  readonly admin: Admin;
  readonly first: RolloutView;
  readonly json: boolean;
  readonly io: CliIo;
}

/** Shows it until it ends; answers 0 promoted, 1 ended otherwise, 3 Tidegate gone, or `interruptedCode`. */
export async function follow({ admin, first, json, io }: Following, interruptedCode: number): Promise<number> {
  const signal = io.interrupted();
  const screen = json ? null : io.isTerminal ? new CardScreen(io) : new Lines(io);
  let latest = first;
  let reachedAt = performance.now();
  screen?.show(latest, null);
  try {
    while (latest.endedAt === null && !signal.aborted) {
      // Rejects only by the signal, which the loop then sees.
      await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
      if (signal.aborted) break;
      const request = { method: 'GET', path: ['api', 'rollouts', String(first.id)], signal } as const;
      const answer = await ask(admin, request, isRolloutView);
      if (signal.aborted) break;
      if (answer.kind === 'ok') {
        latest = answer.value;
        reachedAt = performance.now();
      } else if (answer.kind === 'refused' || performance.now() - reachedAt > AWAY_MAX_MS) {
        screen?.end();
        const message = `what became of rollout ${first.id} is not known: ${answer.message}`;
        return reportFailure({ ...answer, message }, json, io);
      }
      screen?.show(latest, answer.kind === 'ok' ? null : answer);
    }
  } finally {
    screen?.end();
  }
  if (json) io.out(`${JSON.stringify(latest)}\n`);
  if (latest.endedAt === null) {
    if (!json) io.out(shown(detachedLine(latest), io));
    return interruptedCode;
  }
  if (!json) io.out(shown(endLine(latest), io));
  return isPromoted(latest) ? EXIT.done : EXIT.refused;
}

function detachedLine({ service, id }: RolloutView): string {
  const verb = '`tidegate rollout';
  return `rollout ${id} of ${service} goes on without this: ${verb} status ${service} --watch\` follows it, ${verb} abort ${service}\` takes it back`;
}

/** A card that is drawn in place. */
class CardScreen {
  readonly #io: CliIo;
  readonly #live = new LiveScreen();
  readonly #stopResize: () => void;
  #last: readonly [RolloutView, Failure | null] | null = null;

  constructor(io: CliIo) {
    this.#io = io;
    this.#stopResize = io.onResize(() => {
      if (this.#last !== null) this.show(...this.#last);
    });
  }

  show(rollout: RolloutView, away: Failure | null): void {
    this.#last = [rollout, away];
    const { columns, rows, colour, unicode } = this.#io.screen();
    const card = rolloutCard(rollout, { width: columns, colour, unicode }, true);
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
  readonly #io: CliIo;
  #key = '';
  #saidAt = 0;
  #isAway = false;

  constructor(io: CliIo) {
    this.#io = io;
  }

  show(rollout: RolloutView, away: Failure | null): void {
    if (away !== null) {
      if (!this.#isAway) this.#io.err(`tidegate: ${away.message} Asking on for a minute.\n`);
      this.#isAway = true;
      return;
    }
    this.#isAway = false;
    const key = changeKey(rollout);
    const now = performance.now();
    if (key === this.#key && now - this.#saidAt < SILENCE_MAX_MS) return;
    this.#key = key;
    this.#saidAt = now;
    if (rollout.endedAt === null) this.#io.out(shown(progressLine(rollout, new Date()), this.#io));
  }

  end(): void {}
}
