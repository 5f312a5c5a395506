/**
 * One signal of a verdict in two lines: what it thinks and how far its evidence has come, and the counts that it rests on.
 *
 *     errors    waiting       evidence 51 of 100  ███████▌
 *               green 5 of 412 (1.2%), blue 5 of 3,708 (0.13%); risk 9.0x (2.1x to 41x)
 *
 * The bar is that of the logarithm: each failed request that speaks against the candidate adds about the same to it. Evidence
 * below one, which speaks for the candidate, leaves it empty.
 */

import type { RolloutView } from '../control/operations.ts';
import { countText, durationText, evidenceText, riskText, shareText } from '../judge/figures.ts';
import { bar, paint, type Tone } from './paint.ts';
import type { TableStyle } from './status-table.ts';
import { fit, plain, wrapped } from './terminal-text.ts';

export type Verdict = NonNullable<RolloutView['verdict']>;
export type SignalVerdict = Verdict['signals'][number];

const NAME_MOST = 20;
const OPINION_COLUMNS = 'inconclusive'.length;
const BAR_COLUMNS = 10;
const INDENT = 2;

/** The names of both sides. */
export interface Sides {
  readonly active: string;
  readonly candidate: string;
}

/** The lines of all signals of a verdict. */
export function signalLines({ signals }: Pick<Verdict, 'signals'>, sides: Sides, style: TableStyle): string[] {
  const longest = Math.max(0, ...signals.map(({ name }) => plain(name).length));
  const width = Math.min(NAME_MOST, Math.max(8, longest));
  return signals.flatMap((signal) => linesOf(signal, sides, width, style));
}

function linesOf(signal: SignalVerdict, sides: Sides, width: number, style: TableStyle): string[] {
  const mark = style.unicode ? '…' : '~';
  const name = fit(plain(signal.name), width, 'left', mark);
  const opinion = paint(
    fit(plain(signal.opinion), OPINION_COLUMNS, 'left', mark),
    opinionTone(signal.opinion),
    style.colour,
  );
  const dryRun = signal.acts ? '' : '  (dry run: changes nothing)';
  const head = `${' '.repeat(INDENT)}${name}  ${opinion}`;
  const rest = INDENT + width + 2;
  const below = (text: string) =>
    wrapped(plain(text), Math.max(20, style.width - rest)).map((line) => `${' '.repeat(rest)}${line}`);
  if (signal.kind !== 'compared') return [`${head}${dryRun}`, ...below(signal.sentence)];
  const { evidence, evidenceNeeded, logEvidence, logEvidenceNeeded } = signal.numbers;
  const progress = Math.min(1, Math.max(0, logEvidence / logEvidenceNeeded));
  const meter = `${evidenceText(evidence)} of ${evidenceText(evidenceNeeded)}`;
  const drawn = bar(progress, BAR_COLUMNS, style.unicode).trimEnd();
  return [`${head}  evidence ${meter}  ${drawn}${dryRun}`.trimEnd(), ...below(countsText(signal.numbers, sides))];
}

/** How far the evidence of each signal that is compared has come: ` [errors 51 of 100, latency 0.42 of 200]`. */
export function signalProgress({ signals }: Pick<Verdict, 'signals'>): string {
  const all = signals.flatMap((signal) => {
    if (signal.kind !== 'compared') return [];
    const { evidence, evidenceNeeded } = signal.numbers;
    return [`${plain(signal.name)} ${evidenceText(evidence)} of ${evidenceText(evidenceNeeded)}`];
  });
  return all.length === 0 ? '' : ` [${all.join(', ')}]`;
}

type Numbers = (SignalVerdict & { readonly kind: 'compared' })['numbers'];

/** Counts, rates and the risk with its range, on one line. */
export function countsText({ counts, boundaryUs, risk }: Numbers, { active, candidate }: Sides): string {
  const side = (pool: string, { bad, requests }: { readonly bad: number; readonly requests: number }): string => {
    const rate = requests === 0 ? '' : ` (${shareText(bad / requests)})`;
    return `${plain(pool)} ${countText(bad)} of ${countText(requests)}${rate}`;
  };
  const what = boundaryUs === null ? '' : `${durationText(boundaryUs)} or slower: `;
  return `${what}${side(candidate, counts.candidate)}, ${side(active, counts.active)}; ${riskText(risk)}`;
}

/** The colour of an opinion or a verdict. */
export function opinionTone(opinion: string): Tone {
  switch (opinion) {
    case 'healthy':
      return 'green';
    case 'worse':
      return 'red';
    case 'halt':
    case 'unknown':
    case 'inconclusive':
      return 'yellow';
    default:
      return 'none';
  }
}
