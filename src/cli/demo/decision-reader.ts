/**
 * Shows the decision log of a rollout as it grows, each decision once and above it the verdict of the last look before it. What is
 * verified after a step was decided when its hold was over: looks go on while the checks are made, and decide nothing.
 *
 * The log is judged again by Tidegate for each reading, so what is shown is what anybody can ask for afterwards; a verdict
 * caught from the live view might be one look younger than the decision.
 */
import type { Retrial } from '../../control/operations.ts';
import { type Admin, ask } from '../admin-client.ts';
import { plain } from '../terminal-text.ts';
import type { Stage } from './stage.ts';
import { verdictCard } from './verdict-card.ts';

/** What is told when the judge has decided. At 100% nobody is left to compare with, so the end of a bake is not among them. */
const DECIDED = ['step', 'rolling-back'];

/** Reads the log of one rollout. */
export class DecisionReader {
  readonly #admin: Admin;
  readonly #stage: Stage;
  readonly #id: number;
  #read = 0;

  constructor(admin: Admin, stage: Stage, id: number) {
    this.#admin = admin;
    this.#stage = stage;
    this.#id = id;
  }

  /** Shows what is new; answers when the judge has found the candidate worse, on the rollout's clock, null if never. */
  async readOn(): Promise<number | null> {
    const request = { method: 'GET', path: ['api', 'rollouts', String(this.#id), 'judgement'] } as const;
    const answer = await ask(this.#admin, request, isRetrial);
    if (answer.kind !== 'ok') throw new Error(`the decision log of rollout ${this.#id}: ${answer.message}`);
    const { decisions, verdicts, rollout, turnedBackAtMs } = answer.value;
    let looks = 0;
    let looksOfHold = 0;
    for (const { sequence, entry } of decisions) {
      if (entry.kind === 'look') {
        looks += 1;
        if (entry.look.isHoldOver) looksOfHold = looks;
      }
      if (sequence <= this.#read || entry.kind === 'look' || entry.kind === 'anew') continue;
      const last = verdicts[(entry.kind === 'verification' ? looksOfHold : looks) - 1];
      if (last !== undefined && (entry.kind === 'verification' || DECIDED.includes(entry.what))) {
        this.#stage.say(...verdictCard(last.verdict, last.atMs, rollout, this.#stage.unicode));
      }
      if (entry.kind === 'verification') this.#stage.say(`  ${plain(entry.verification.text)}`);
      else if (entry.what === 'step') this.#stage.say(`  ${plain(entry.text)}`);
      else if (entry.what === 'baking') this.#stage.say(`  baking: ${rollout.candidate} has 100% and is watched`);
    }
    this.#read = decisions.at(-1)?.sequence ?? this.#read;
    return turnedBackAtMs;
  }
}

function isRetrial(value: unknown): value is Retrial {
  if (typeof value !== 'object' || value === null) return false;
  const { decisions, verdicts, rollout } = value as Record<string, unknown>;
  return Array.isArray(decisions) && Array.isArray(verdicts) && typeof rollout === 'object';
}
