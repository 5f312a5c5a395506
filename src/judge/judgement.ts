/**
 * The judge: (state, look, settings) → (state, verdict).
 *
 * A look is everything that was learnt since the last one. The live loop and a replay of a past rollout are this same function
 * over the same looks, which is why `explain` can repeat a verdict to the last digit. The state is plain data and goes into the
 * store as it is; a look that has been taken before changes nothing but the time.
 *
 * The order of the rules for a compared signal: not knowing, then blame by evidence, then the ceiling, then no traffic, then
 * proof, then the clock. No traffic waits however long the hold has been over: it is never a failure.
 */
import { compare } from './compared.ts';
import { noEvidence, recordEpoch, totalsOf } from './evidence.ts';
import type { JudgeState, Look, SignalLook, SignalState } from './look.ts';
import { actOn, compareOpinions, type VerdictKind } from './opinion.ts';
import { NO_READING, opinionOfReadings, withReading } from './readings.ts';
import { withMark } from './recent.ts';
import { readSentence } from './sentence.ts';
import { assertSettings, type JudgeSettings, type Signal } from './signals.ts';
import type { SignalVerdict, Verdict } from './verdict.ts';

/** The state at the start of a rollout. */
export function openJudgement(settings: JudgeSettings): JudgeState {
  assertSettings(settings);
  return { signals: settings.signals.map(freshState) };
}

/** Takes one look and judges. A signal that the state does not know (the settings have changed) starts from nothing. */
export function judge(
  state: JudgeState,
  look: Look,
  settings: JudgeSettings,
): { readonly state: JudgeState; readonly verdict: Verdict } {
  assertSettings(settings);
  const judged = settings.signals.map((signal) => {
    const before = state.signals.find(({ name }) => name === signal.name);
    const hasChanged = before !== undefined && before.evidence.thresholds !== thresholdsOf(signal);
    const known = before === undefined || hasChanged ? freshState(signal) : before;
    const learnt = look.signals.filter(({ name }) => name === signal.name);
    return judgeSignal(
      signal,
      learnt.reduce((now, one) => learn(now, one, signal), known),
      look,
      settings,
    );
  });
  const signals = judged.map(({ verdict }) => verdict);
  return { state: { signals: judged.map((one) => one.state) }, verdict: combine(signals, look.isHoldOver) };
}

function thresholdsOf(signal: Signal): number {
  return signal.kind === 'compared' ? (signal.boundariesUs?.length ?? 1) : 1;
}

function freshState(signal: Signal): SignalState {
  const evidence = noEvidence(thresholdsOf(signal));
  return { name: signal.name, evidence, peakLogEvidence: 0, marks: [], reading: NO_READING, unknown: null };
}

function learn(state: SignalState, look: SignalLook, signal: Signal): SignalState {
  switch (look.kind) {
    case 'silence':
      return { ...state, unknown: look.reason };
    case 'reading':
      if (signal.kind !== 'read') return state;
      return { ...state, unknown: null, reading: withReading(state.reading, look.reading, signal.rule) };
    case 'counts': {
      let { evidence } = state;
      for (const counts of look.epochs) {
        const recorded = recordEpoch(evidence, counts);
        if (recorded.kind === 'refused') return { ...state, evidence, unknown: recorded.reason };
        evidence = recorded.evidence;
      }
      return { ...state, evidence, unknown: null };
    }
    default:
      return look satisfies never;
  }
}

function judgeSignal(
  signal: Signal,
  learnt: SignalState,
  look: Look,
  settings: JudgeSettings,
): { readonly state: SignalState; readonly verdict: SignalVerdict } {
  const { name, acts, onUnknown } = signal;
  if (signal.kind === 'read') {
    const opinion = learnt.unknown === null ? opinionOfReadings(learnt.reading, signal.rule, look.atMs) : 'unknown';
    const { last, failures } = learnt.reading;
    const sentence = readSentence(opinion, signal, learnt.reading, learnt.unknown);
    const base = { name, acts, onUnknown, opinion, sentence };
    return { state: learnt, verdict: { ...base, kind: 'read', value: last?.value ?? null, failures } };
  }
  const { candidate, active } = totalsOf(learnt.evidence, 0);
  const totals = {
    candidate: { requests: candidate.requests, bad: candidate.events[0]! },
    active: { requests: active.requests, bad: active.events[0]! },
  };
  const marked = { ...learnt, marks: withMark(learnt.marks, totals, look.atMs) };
  const { opinion, numbers, sentence } = compare(signal, marked, look, settings);
  return {
    state: { ...marked, peakLogEvidence: numbers.peakLogEvidence },
    verdict: { name, acts, onUnknown, opinion, sentence, kind: 'compared', unknown: learnt.unknown, numbers },
  };
}

/** The worst opinion of those that act decides. Without any that could call the release healthy, it is not. */
function combine(signals: readonly SignalVerdict[], isHoldOver: boolean): Verdict {
  let kind: VerdictKind | null = null;
  let decider: SignalVerdict | null = null;
  for (const signal of signals) {
    const acted = signal.acts ? actOn(signal.opinion, signal.onUnknown, isHoldOver) : null;
    if (acted === null || (kind !== null && compareOpinions(acted, kind) <= 0)) continue;
    kind = acted;
    decider = signal;
  }
  if (kind === null || decider === null) {
    const undecided = isHoldOver ? 'inconclusive' : 'waiting';
    return { kind: undecided, decidedBy: null, sentence: `${undecided}: no signal says that it is healthy`, signals };
  }
  // What an unknown signal comes to is the policy's doing, and the sentence says so.
  const byPolicy = decider.opinion === kind ? '' : `${kind} by policy: `;
  return { kind, decidedBy: decider.name, sentence: `${byPolicy}${decider.sentence}`, signals };
}
