/**
 * The judgement of one signal that is counted on both sides.
 */
import { eventsOf, totalsOf } from './evidence.ts';
import { ceilingView, checkCeiling } from './guards.ts';
import type { Look, SignalState } from './look.ts';
import type { Opinion } from './opinion.ts';
import { prove } from './promotion.ts';
import { recentOf, type Tallies } from './recent.ts';
import { logEvidenceByThreshold, logMeanExp } from './relative-risk.ts';
import { riskInterval } from './risk-interval.ts';
import { comparedSentence } from './sentence.ts';
import { type ComparedSignal, type JudgeSettings, logNeeded } from './signals.ts';
import { boundedExp, type ComparedNumbers, hasBlame } from './verdict.ts';

/** The opinion of a compared signal, the numbers it rests on, and the sentence. */
export function compare(
  signal: ComparedSignal,
  state: SignalState,
  look: Look,
  settings: JudgeSettings,
): { readonly opinion: Opinion; readonly numbers: ComparedNumbers; readonly sentence: string } {
  const numbers = numbersOf(signal, state, look, settings);
  const step = tallies(state, look.sinceEpoch, 0);
  const opinion = opinionOf(signal, numbers, step, state.unknown !== null, look.isHoldOver);
  return { opinion, numbers, sentence: comparedSentence(opinion, signal, numbers, state.unknown, settings) };
}

function numbersOf(signal: ComparedSignal, state: SignalState, look: Look, settings: JudgeSettings): ComparedNumbers {
  const { evidence } = state;
  const events = eventsOf(evidence, 0);
  const byThreshold = logEvidenceByThreshold(events, evidence.thresholds, signal.margin);
  const logEvidence = logMeanExp(byThreshold);
  const loudest = byThreshold.indexOf(Math.max(...byThreshold));
  const needed = logNeeded(signal, settings);
  const peakLogEvidence = Math.max(state.peakLogEvidence, logEvidence);
  const counts = tallies(state, 0, loudest);
  const step = tallies(state, look.sinceEpoch, 0);
  const recent = recentOf(state.marks, tallies(state, 0, 0));
  const ceilingCounts = signal.ceiling === null ? step : ceilingView(recent, step, signal.ceiling);
  const { proof } = signal;
  return {
    counts,
    boundaryUs: signal.boundariesUs?.[loudest] ?? null,
    // The loudest of several thresholds is a choice made after the fact, and its range pays for it.
    risk: riskInterval(events, loudest, needed + Math.log(evidence.thresholds)),
    logEvidence,
    evidence: boundedExp(logEvidence),
    logEvidenceNeeded: needed,
    evidenceNeeded: boundedExp(needed),
    isAboveFloor: counts.candidate.bad >= settings.floor,
    peakLogEvidence,
    p: Math.exp(-peakLogEvidence),
    ceiling: signal.ceiling === null ? 'under' : checkCeiling(ceilingCounts, signal.ceiling),
    ceilingCounts,
    proof:
      proof === null
        ? null
        : prove(eventsOf(evidence, look.sinceEpoch), totalsOf(evidence, look.sinceEpoch), proof, settings.falseHealth),
  };
}

function opinionOf(
  signal: ComparedSignal,
  numbers: ComparedNumbers,
  step: Tallies,
  isUnknown: boolean,
  isHoldOver: boolean,
): Opinion {
  if (isUnknown) return 'unknown';
  if (hasBlame(numbers)) return 'worse';
  switch (numbers.ceiling) {
    case 'both-over':
      return 'halt';
    case 'candidate-over':
      if (numbers.isAboveFloor) return 'worse';
      break;
    case 'under':
      break;
    default:
      return numbers.ceiling satisfies never;
  }
  if (step.candidate.requests === 0) return 'waiting';
  if (signal.proof === null) return 'quiet';
  if (numbers.proof?.kind !== 'open') return 'healthy';
  return isHoldOver ? 'inconclusive' : 'waiting';
}

function tallies(state: SignalState, sinceEpoch: number, threshold: number): Tallies {
  const { candidate, active } = totalsOf(state.evidence, sinceEpoch);
  return {
    candidate: { requests: candidate.requests, bad: candidate.events[threshold]! },
    active: { requests: active.requests, bad: active.events[threshold]! },
  };
}
