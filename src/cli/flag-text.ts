/**
 * Flags in the words of the command line: whom one is on for, what a change has done. It is what holds in the environment of the
 * Tidegate that was asked, and not what the definition says for others.
 *
 * A percentage is printed with the three decimals that it may have, and not as `percent` prints measured shares: 0.001 is what was set.
 */
import { inEnvironment } from '../config/flag-merge.ts';
import type { FlagReceipt, FlagStand } from '../control/flag-operations.ts';
import { counted, duration } from './figures.ts';
import { plain, when } from './terminal-text.ts';

/** Whom a flag is on for, without regard to its switch: `5% of keys`, `3 keys`, `everybody; 2 rules`. */
export function aimText(stand: FlagStand): string {
  return [strategyText(stand), ...besides(stand)].join('; ');
}

/** From one aim to another; what both have beside their strategies is not repeated. */
export function turnText(from: FlagStand, to: FlagStand): string {
  const isSame = besides(from).join() === besides(to).join();
  const [before, after] = isSame ? [strategyText(from), strategyText(to)] : [aimText(from), aimText(to)];
  return before === after ? after : `${before} → ${after}`;
}

/** Whom it is on for, with its switch: a killed flag is on for nobody, whatever it says. */
export function standText(stand: FlagStand): string {
  return stand.killed ? `KILLED (else ${aimText(stand)})` : aimText(stand);
}

/** What a change has done, in one line. */
export function flagReceiptLine({ flag, revision, how, from, to, appliedMs }: FlagReceipt): string {
  const name = plain(flag);
  const at = `revision ${revision}, in ${duration(appliedMs)}`;
  if (to === null) return `${name}: removed at ${at}`;
  if (how === 'kill') return `${name}: killed at ${at}; from now on every request gets the off value`;
  if (how === 'restore') return `${name}: restored at ${at}: ${aimText(to)}`;
  const change = from === null ? `new, ${aimText(to)}` : turnText(from, to);
  const switchedOff = to.killed ? `; it is killed, and stays so until \`tidegate flag restore ${name}\`` : '';
  return `${name}: ${change} at ${at}${switchedOff}`;
}

/** When it was done, how and by whom, in one line, with the reason where one was given. */
export function byLine({ at, by, how, reason }: Pick<FlagReceipt, 'at' | 'by' | 'how' | 'reason'>): string {
  const why = reason === '' ? '' : `: ${plain(reason)}`;
  const who = how === by ? plain(by) : `${plain(how)} by ${plain(by)}`;
  return `${when(at)}, ${who}${why}`;
}

/** What is to be said of a change that the state file did not take. */
export const UNSTORED = 'the state file did not take it yet: a restart now would forget it';

/** What decides beside a flag's own strategy. */
function besides({ definition, environment }: FlagStand): readonly string[] {
  const { strategy, rules = [], ramp, schedule, requires = [] } = inEnvironment(definition, environment);
  return [
    ...(ramp === undefined ? [] : [`ramp to ${ramp.to}%`]),
    // The rules of a flag that is switched off are not asked.
    ...(rules.length === 0 || strategy === 'none' ? [] : [counted(rules.length, 'rule')]),
    ...(schedule === undefined ? [] : ['schedule']),
    ...(requires.length === 0 ? [] : [`needs ${requires.map(({ flag }) => plain(flag)).join(', ')}`]),
  ];
}

function strategyText({ definition, environment, share }: FlagStand): string {
  const { strategy, value, variants = {}, rules = [] } = inEnvironment(definition, environment);
  switch (strategy) {
    case 'all':
      return 'everybody';
    case 'none':
      return 'nobody';
    case 'users':
      if (!Array.isArray(value)) return 'listed keys';
      if (value.length > 0) return counted(value.length, 'key');
      return rules.length === 0 ? 'nobody' : 'whom a rule fits';
    case 'percentage':
      return `${share ?? 0}% of keys`;
    case 'variants': {
      const drawn = Object.entries(variants).filter(([, { weight = 1 }]) => weight > 0);
      const weights = drawn.map(([name, { weight = 1 }]) => `${plain(name)} ${weight}`).join(' : ');
      return share === null || share === 100 ? weights : `${weights}, of ${share}% of keys`;
    }
    default:
      strategy satisfies never;
      return plain(String(strategy));
  }
}
