/**
 * One sentence for each opinion that a tired person understands, with the numbers it rests on.
 */
import { aboutText, countText, durationText, evidenceText, ratioText, riskText, shareText } from './figures.ts';
import { badShare } from './guards.ts';
import type { Opinion } from './opinion.ts';
import type { ReadingState } from './readings.ts';
import type { Tallies } from './recent.ts';
import type { ComparedSignal, JudgeSettings, ReadSignal } from './signals.ts';
import { type ComparedNumbers, hasBlame } from './verdict.ts';

/** The sentence of a compared signal; it begins with the opinion. */
export function comparedSentence(
  opinion: Opinion,
  signal: ComparedSignal,
  numbers: ComparedNumbers,
  unknown: string | null,
  settings: JudgeSettings,
): string {
  const say = (text: string): string => `${opinion}: ${text}`;
  const counted = countsText(signal, numbers, settings);
  const evidence = `evidence ${evidenceText(numbers.evidence)}, needs ${evidenceText(numbers.evidenceNeeded)}`;
  switch (opinion) {
    case 'unknown':
      return say(`${unknown}; last known: ${counted}`);
    case 'worse':
      if (hasBlame(numbers)) return say(`${counted}; ${riskText(numbers.risk)}; ${evidence}`);
      return say(`${ceilingText(signal, numbers.ceilingCounts, settings)}; the ceiling is ${ceilingShare(signal)}`);
    case 'halt':
      return say(
        `${ceilingText(signal, numbers.ceilingCounts, settings)}; both are in trouble, so ${settings.candidate} is not blamed`,
      );
    case 'healthy':
      return say(`${counted}; ${proofText(signal, numbers, settings)}`);
    case 'quiet':
      return say(`${counted}; ${evidence}`);
    case 'waiting':
    case 'inconclusive':
      if (numbers.counts.candidate.requests === 0) return say(`no request has come to ${settings.candidate} yet`);
      return say(`${counted}; ${evidence}${floorText(numbers, settings)}${missingText(numbers)}`);
    default:
      return opinion satisfies never;
  }
}

/** The sentence of a read signal; `unknown` is why its source is not to be believed, or null. */
export function readSentence(
  opinion: Opinion,
  { rule }: ReadSignal,
  { last, failures }: ReadingState,
  unknown: string | null,
): string {
  const wanted = `${rule.fine === 'at-most' ? 'at most' : 'at least'} ${valueText(rule.limit, rule.isRatio)}`;
  if (opinion === 'unknown') return `unknown: ${unknown ?? 'the source gives no number'}; wanted is ${wanted}`;
  const value = last === null ? 'no number yet' : valueText(last.value, rule.isRatio);
  const run = failures > 0 ? `, ${failures} of ${rule.failures} bad readings in a row` : '';
  return `${opinion}: ${value}, wanted is ${wanted}${run}`;
}

function countsText(signal: ComparedSignal, { counts, boundaryUs }: ComparedNumbers, settings: JudgeSettings): string {
  const what = boundaryUs === null ? signal.verb : `took ${durationText(boundaryUs)} or longer`;
  const { candidate, active } = counts;
  const first = `${countText(candidate.bad)} of ${countText(candidate.requests)} on ${settings.candidate} ${what}`;
  return `${first}, ${countText(active.bad)} of ${countText(active.requests)} on ${settings.active}`;
}

function ceilingText(signal: ComparedSignal, { candidate, active }: Tallies, settings: JudgeSettings): string {
  const ofActive = `${shareText(badShare(active))} of ${countText(active.requests)} on ${settings.active}`;
  const ofCandidate = `${shareText(badShare(candidate))} of the last ${countText(candidate.requests)} on ${settings.candidate}`;
  return `${ofCandidate} ${signal.verb}, ${ofActive}`;
}

function ceilingShare({ ceiling }: ComparedSignal): string {
  return shareText(ceiling?.share ?? 1);
}

function proofText(signal: ComparedSignal, { proof }: ComparedNumbers, { falseHealth }: JudgeSettings): string {
  const sure = `${shareText(1 - falseHealth)} sure`;
  if (proof?.kind === 'by-no-bad-event') return `so at most ${shareText(proof.rateMax)} would (${sure})`;
  return `less than ${ratioText(signal.proof?.margin ?? 1)} as many (${sure})`;
}

function floorText(numbers: ComparedNumbers, { floor }: JudgeSettings): string {
  const isEnough = numbers.logEvidence >= numbers.logEvidenceNeeded;
  return isEnough && !numbers.isAboveFloor ? `, and at least ${floor} bad ones to blame anybody` : '';
}

function missingText({ proof }: ComparedNumbers): string {
  if (proof?.kind !== 'open') return '';
  if (proof.requestsMissing === null) return '; how much more it takes to call it healthy is not known yet';
  return `; about ${aboutText(proof.requestsMissing)} more requests at this rate to call it healthy`;
}

function valueText(value: number, isRatio: boolean): string {
  return isRatio ? ratioText(value) : `${Number(value.toPrecision(4))}`;
}
