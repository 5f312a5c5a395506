/**
 * A verdict of the judge as lines for people: the verdict, and below it each signal with its sentence, the rates of both
 * sides, and how far the evidence has come.
 *
 * The sentence is the judge's own and is broken at its semicolons only, so that what is read here is what stands in the log
 * and in a webhook. The bar is in the logarithm, where each bad event adds about the same.
 */
import type { RolloutView } from '../../control/operations.ts';
import { percent } from '../figures.ts';
import { bar } from '../paint.ts';
import { plain } from '../terminal-text.ts';

type Verdict = NonNullable<RolloutView['verdict']>;
type SignalVerdict = Verdict['signals'][number];
type Tally = (SignalVerdict & { readonly kind: 'compared' })['numbers']['counts']['active'];

const BAR_COLUMNS = 20;
const INDENT = '    ';

/** The two pools that a verdict is about. */
export interface Sides {
  readonly active: string;
  readonly candidate: string;
}

/** The lines of a card. `atMs` is the rollout's clock. */
export function verdictCard(verdict: Verdict, atMs: number, sides: Sides, unicode: boolean): readonly string[] {
  const names = verdict.signals.map(({ name }) => name.length);
  const width = Math.max(0, ...names) + 2;
  const decided = verdict.kind === 'worse' && verdict.decidedBy !== null ? `, by ${plain(verdict.decidedBy)}` : '';
  return [
    `${INDENT}${verdict.kind}${decided} (after ${(atMs / 1000).toFixed(1)} s)`,
    ...verdict.signals.flatMap((signal) => signalLines(signal, width, sides, unicode)),
  ];
}

function signalLines(signal: SignalVerdict, width: number, sides: Sides, unicode: boolean): string[] {
  const clauses = plain(signal.sentence).split('; ');
  const numbers = signal.kind === 'compared' ? [numbersLine(signal, sides, unicode)] : [];
  return [...clauses, ...numbers].map((line, index) => {
    const name = index === 0 ? plain(signal.name) : '';
    return `${INDENT}  ${name.padEnd(width)}${line}`;
  });
}

function numbersLine(
  { numbers }: SignalVerdict & { readonly kind: 'compared' },
  { active, candidate }: Sides,
  unicode: boolean,
): string {
  const { counts, logEvidence, logEvidenceNeeded } = numbers;
  const rates = `${candidate} ${rate(counts.candidate)}, ${active} ${rate(counts.active)}`;
  if (logEvidence <= 0) return rates;
  return `${rates}  ${bar(logEvidence / logEvidenceNeeded, BAR_COLUMNS, unicode)} of the evidence needed`;
}

function rate({ bad, requests }: Tally): string {
  return requests === 0 ? '-' : `${percent(bad / requests)}%`;
}
