/**
 * What a plan can detect before it starts: how many requests and failed requests until a version that is so many times worse
 * is stopped, at the traffic that the service has now.
 *
 * Exact, not simulated. At one share the state of the test is two counts, and the test stops where the evidence passes a line
 * that only moves one way, so the distribution of the stopping point is a walk along that line. Each step is seen for
 * itself, as if the rollout started there: evidence of earlier steps comes on top.
 *
 * What the present traffic cannot say is assumed for the worse. A service without a bad event is taken to have one in all the
 * requests that were seen. A risk is never above 1, so 50 times worse may mean that every request fails.
 */
import { isInformative, logEvidence, theta } from './relative-risk.ts';

/** Bad events after which the walk gives up: such a difference is not found in a time worth naming. */
const EVENTS_MAX = 4000;
/** The cost that is called the most is exceeded in one of twenty such releases. */
const MOST = 0.95;

/** One weight of the plan as the candidate's share, and how long it lasts. */
export interface PlannedStep {
  readonly share: number;
  readonly holdMs: number;
}

/** What the service has seen lately, on all sides. */
export interface PresentTraffic {
  readonly requests: number;
  readonly bad: number;
  readonly seconds: number;
}

/** How the release will be judged. */
export interface DetectionRule {
  readonly margin: number;
  /** ln of the evidence that blames (see `logNeeded`). */
  readonly logNeeded: number;
  readonly floor: number;
  /** Time from a bad event to the end of the last request that the candidate still gets, in milliseconds. */
  readonly reactionMs: number;
}

/** How a candidate that is so many times worse would fare in one step. */
export interface Detection {
  /** The candidate's rate of bad events. */
  readonly rate: number;
  /** Requests of both sides until it is stopped, in half of all cases at most; null: not in a time worth naming. */
  readonly requests: number | null;
  /** The same in seconds of the present traffic. */
  readonly seconds: number | null;
  /** Failed requests of the candidate until then, in half of all cases at most. */
  readonly failed: number | null;
  /** The same in 19 of 20 cases, or when the hold ends first, with those that fail while the gate moves. */
  readonly failedMost: number;
  /** The chance that it is stopped before the hold is over. */
  readonly withinHold: number;
}

/** The rate of bad events that the present traffic suggests, above 0; null without any traffic. */
export function presentRate({ requests, bad }: PresentTraffic): number | null {
  return requests > 0 ? Math.max(bad, 1) / requests : null;
}

/** What a step detects of a candidate `ratio` times worse (Infinity: it fails every request); null without traffic or comparison. */
export function detect(
  { share, holdMs }: PlannedStep,
  traffic: PresentTraffic,
  ratio: number,
  rule: DetectionRule,
): Detection | null {
  const base = presentRate(traffic);
  if (base === null || !(traffic.seconds > 0) || !isInformative(share)) return null;
  const rate = Math.min(1, base * ratio);
  const perRequest = share * rate + (1 - share) * base;
  const perSecond = traffic.requests / traffic.seconds;
  const inHold = (perSecond * perRequest * holdMs) / 1000;
  const walk = walkToStop(share, theta(share, rate / base), rule);
  const requests = walk.events === null ? null : Math.ceil(walk.events / perRequest);
  const ofCandidate = inHold * theta(share, rate / base);
  const whileMoving = (perSecond * share * rate * rule.reactionMs) / 1000;
  // Chance adds to what is expected in a hold; two standard deviations of it are seldom exceeded.
  const inHoldMost = ofCandidate + 2 * Math.sqrt(ofCandidate);
  return {
    rate,
    requests,
    seconds: requests === null ? null : requests / perSecond,
    failed: walk.failed,
    failedMost: Math.ceil(Math.min(walk.failedMost ?? Number.POSITIVE_INFINITY, inHoldMost) + whileMoving),
    withinHold: chanceWithin(walk.stops, inHold),
  };
}

/**
 * The largest of these shares at which a candidate of any of these ratios most probably costs no more failed requests than
 * `failedMax` in a step that lasts `holdMs`; null when none does, or when there is no traffic to tell from.
 */
export function pickFirstShare(
  shares: readonly number[],
  holdMs: number,
  failedMax: number,
  traffic: PresentTraffic,
  ratios: readonly number[],
  rule: DetectionRule,
): number | null {
  const fits = (share: number): boolean =>
    ratios.every((ratio) => {
      const found = detect({ share, holdMs }, traffic, ratio, rule);
      return found !== null && found.failedMost <= failedMax;
    });
  return [...shares].sort((one, other) => other - one).find(fits) ?? null;
}

interface Walk {
  /** The chance to stop at each bad event, the first at index 1. */
  readonly stops: readonly number[];
  /** Medians of bad events and of the candidate's among them, and the latter's high quantile; null beyond the walk. */
  readonly events: number | null;
  readonly failed: number | null;
  readonly failedMost: number | null;
}

/** Follows all sequences of bad events, of which each is the candidate's with this chance, until the test stops. */
function walkToStop(share: number, chance: number, { margin, logNeeded, floor }: DetectionRule): Walk {
  const stops = [0];
  const failedAtStop: number[] = [];
  let alive = [1];
  let line = Math.max(1, floor);
  let stopped = 0;
  const isOver = (candidate: number, active: number): boolean =>
    active >= 0 && logEvidence([{ share, candidate: [candidate], active: [active] }], 1, margin) >= logNeeded;
  for (let events = 1; events <= EVENTS_MAX && stopped < MOST + 0.04; events++) {
    while (line <= events && !isOver(line, events - line)) line += 1;
    const next: number[] = [];
    let stopping = 0;
    for (let candidate = 0; candidate <= Math.min(events, line); candidate++) {
      const arrived = (alive[candidate] ?? 0) * (1 - chance) + (alive[candidate - 1] ?? 0) * chance;
      if (candidate < line) next.push(arrived);
      else {
        stopping += arrived;
        failedAtStop[candidate] = (failedAtStop[candidate] ?? 0) + arrived;
      }
    }
    alive = next;
    stopped += stopping;
    stops.push(stopping);
  }
  return {
    stops,
    events: quantile(stops, 0.5),
    failed: quantile(failedAtStop, 0.5),
    failedMost: quantile(failedAtStop, MOST),
  };
}

/** The first index up to which this part of the whole lies; null when there is not so much. */
function quantile(weights: readonly (number | undefined)[], part: number): number | null {
  let sum = 0;
  for (const [index, weight] of weights.entries()) {
    sum += weight ?? 0;
    if (sum >= part) return index;
  }
  return null;
}

/** The chance to stop when the number of bad events is a Poisson number with this mean. */
function chanceWithin(stops: readonly number[], mean: number): number {
  // Beyond some hundred events the number is its mean for all that matters here, and exp(-mean) would vanish.
  const isLarge = mean > 500;
  let probability = Math.exp(-mean);
  let atLeast = 1;
  let sum = 0;
  for (const [events, chance] of stops.entries()) {
    sum += chance * (isLarge ? Number(events <= mean) : Math.max(0, atLeast));
    atLeast -= probability;
    probability *= mean / (events + 1);
  }
  return Math.min(1, sum);
}
