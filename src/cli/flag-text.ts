/**
 * Flags in the words of the command line: whom one is on for, what a change has done.
 *
 * A percentage is printed with the three decimals that it may have, and not as `percent` prints measured shares: 0.001 is what was set.
 */
import type { FlagReceipt, FlagStand } from '../control/flag-operations.ts';
import { counted, duration } from './figures.ts';
import { plain, when } from './terminal-text.ts';

/** Whom a flag is on for, without regard to its switch: `5% of keys`, `3 keys`, `everybody, and 2 rules`. */
export function aimText({ definition, share }: FlagStand): string {
  const { rules, ramp, schedule, requires } = definition;
  const but = [
    ...(ramp === undefined ? [] : [`ramp to ${ramp.to}%`]),
    ...(rules === undefined || rules.length === 0 ? [] : [counted(rules.length, 'rule')]),
    ...(schedule === undefined ? [] : ['schedule']),
    ...(requires === undefined || requires.length === 0
      ? []
      : [`needs ${requires.map(({ flag }) => flag).join(', ')}`]),
  ];
  return [strategyText(definition, share), ...but].map(plain).join('; ');
}

/** The same with its switch: a killed flag is on for nobody, whatever it says. */
export function standText(stand: FlagStand): string {
  return stand.killed ? `KILLED (else ${aimText(stand)})` : aimText(stand);
}

/** What a change has done, in one line. */
export function flagReceiptLine(receipt: FlagReceipt): string {
  const { flag, revision, how, from, to, appliedMs } = receipt;
  const name = plain(flag);
  const at = `revision ${revision}, in ${duration(appliedMs)}`;
  if (to === null) return `${name}: removed at ${at}`;
  if (how === 'kill') return `${name}: killed at ${at}; from now on every request gets the off value`;
  if (how === 'restore') return `${name}: restored at ${at}: ${aimText(to)}`;
  const [before, after] = [from === null ? 'new' : aimText(from), aimText(to)];
  const change = before === after ? after : `${before} → ${after}`;
  const switchedOff = to.killed ? `; it is killed, and stays so until \`tidegate flag restore ${name}\`` : '';
  return `${name}: ${change} at ${at}${switchedOff}`;
}

/** Who did it, how and when, in one line, with the reason where one was given. */
export function byLine({ at, by, how, reason }: Pick<FlagReceipt, 'at' | 'by' | 'how' | 'reason'>): string {
  const why = reason === '' ? '' : `: ${plain(reason)}`;
  const who = how === by ? plain(by) : `${plain(how)} by ${plain(by)}`;
  return `${when(at)}, ${who}${why}`;
}

/** What is to be said of a change that the state file did not take. */
export const UNSTORED = 'the state file did not take it yet: a restart now would forget it';

function strategyText(definition: FlagStand['definition'], share: number | null): string {
  const { strategy, value, variants } = definition;
  switch (strategy) {
    case 'all':
      return 'everybody';
    case 'none':
      return 'nobody';
    case 'users':
      return Array.isArray(value) ? counted(value.length, 'key') : 'listed keys';
    case 'percentage':
      return `${share ?? 0}% of keys`;
    case 'variants': {
      const weights = Object.entries(variants ?? {}).map(([name, { weight }]) => `${name} ${weight ?? 1}`);
      return `${weights.join(' : ')}${share === null || share === 100 ? '' : `, of ${share}% of keys`}`;
    }
    default:
      strategy satisfies never;
      return String(strategy);
  }
}
