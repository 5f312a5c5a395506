/**
 * What a plan can detect before it starts, and what it may cost: the answer to `--dry-run`.
 *
 * For candidates that are twice, five times and fifty times worse and for one that fails everything: at each step, how many
 * requests and failed requests until it would be stopped, and over the whole plan how many users it may cost at most. Each
 * step is seen for itself, as if the evidence began there, so what is said is rather too much than too little. The sum over the
 * plan ends with the step by whose end such a candidate has been stopped in 19 of 20 releases.
 *
 * A step at 100% compares nothing. What speaks there is the ceiling alone, and of what stays below it nothing is detected:
 * that is said, because it is the price of a plan that goes there in one step. Errors only: how slow a candidate would be is not
 * a number that traffic suggests.
 */
import { type DetectionRule, detect, type PresentTraffic, presentRate } from '../judge/detectability.ts';
import type { Ceiling } from '../judge/guards.ts';
import { isInformative } from '../judge/relative-risk.ts';
import { shareAt } from '../rollout/course.ts';
import type { Plan } from '../rollout/plan.ts';
import { TIMES_WORSE } from './first-weight.ts';
import { errorRule, type Outlook } from './outlook.ts';

/** A candidate is as good as stopped when it has been in all but this part of such releases. */
const SELDOM = 0.05;

/** How a candidate that is so many times worse would fare; null stands for one that fails every request. */
export interface Forecast {
  readonly times: number | null;
  /** The candidate's rate of bad events. */
  readonly rate: number;
  /** Until it is stopped in half of all cases: requests of both sides, seconds, failed requests; null: not in sight. */
  readonly requests: number | null;
  readonly seconds: number | null;
  readonly failed: number | null;
  /** Failed requests in 19 of 20 cases, or all that fail until the step ends. */
  readonly failedMost: number;
  /** The chance that it is stopped before the step ends. */
  readonly withinHold: number;
}

export interface RolloutForecast {
  /** Of a flag `flag NAME`. */
  readonly service: string;
  readonly active: string;
  readonly candidate: string;
  readonly version: string;
  readonly plan: string;
  /** Why a start would not begin now, or what it would wait for; null when it would begin. */
  readonly obstacle: { readonly kind: 'refuse' | 'queue' | 'restart'; readonly message: string } | null;
  /** Why nothing is foretold of a flag; null where something is. */
  readonly unjudged: string | null;
  /** What both sides have had in the last `seconds`, which is at most ten minutes; null where nothing is foretold. */
  readonly traffic: PresentTraffic | null;
  readonly budget: Outlook['budget'];
  readonly steps: readonly {
    readonly share: number;
    /** The hold, and of the last step the bake. */
    readonly holdMs: number;
    readonly approve: boolean;
    /** By what a bad candidate is found here. */
    readonly by: 'comparison' | 'ceiling' | 'nothing';
    /** Empty without traffic. */
    readonly candidates: readonly Forecast[];
  }[];
  /** Failed requests at most over the whole plan, and whether such a candidate is stopped by it in 19 of 20 releases. */
  readonly costs: readonly {
    readonly times: number | null;
    readonly failedMost: number;
    readonly isStopped: boolean;
  }[];
  /** The least time that the plan takes, approvals and verifications left out. */
  readonly leastMs: number;
}

/** Who is compared at a share of the plan: the candidate's part of both sides, and their part of all requests, 0 to 1. */
export interface Sides {
  readonly share: number;
  readonly part: number;
}

/** What a forecast is made of. */
export interface Foreseen extends Pick<RolloutForecast, 'service' | 'active' | 'candidate' | 'version' | 'budget'> {
  readonly plan: Plan;
  readonly answer: Outlook['answer'];
  /** What it would be judged by, and at which traffic; a text says why nothing is. */
  readonly judged: Pick<Outlook, 'settings' | 'traffic'> | string;
  readonly sidesAt: (share: number) => Sides;
}

/** The forecast of what is known of a service. */
export function forecastOf(service: string, { aim, budget, settings, traffic, answer }: Outlook): RolloutForecast {
  const { plan, active, candidate, version } = aim;
  const judged = { settings, traffic };
  const sidesAt = (share: number): Sides => ({ share, part: 1 });
  return foretell({ service, active, candidate, version, plan, budget, answer, judged, sidesAt });
}

/** The forecast of what is known. */
export function foretell({ plan, answer, judged, sidesAt, ...named }: Foreseen): RolloutForecast {
  const steps = stretchesOf(plan, sidesAt, typeof judged !== 'string').map(({ sides, ...stretch }) => ({
    ...stretch,
    candidates: typeof judged === 'string' ? [] : candidatesAt(stretch, sides, judged),
  }));
  const times = steps.find(({ candidates }) => candidates.length > 0)?.candidates.map((one) => one.times) ?? [];
  return {
    ...named,
    plan: plan.kind,
    obstacle: obstacleOf(answer),
    unjudged: typeof judged === 'string' ? judged : null,
    traffic: typeof judged === 'string' ? null : judged.traffic,
    steps,
    costs: times.map((one) =>
      costOf(
        one,
        steps.flatMap(({ candidates }) => candidates.filter((found) => found.times === one)),
      ),
    ),
    leastMs: steps.reduce((sum, { holdMs }) => sum + holdMs, 0),
  };
}

interface Stretch {
  readonly share: number;
  readonly holdMs: number;
  readonly approve: boolean;
  readonly by: 'comparison' | 'ceiling' | 'nothing';
}

/** The steps of a plan as times and shares; the last one has the bake. */
function stretchesOf(plan: Plan, sidesAt: Foreseen['sidesAt'], isJudged: boolean): (Stretch & { sides: Sides })[] {
  return plan.steps.map(({ holdMs, approve }, index) => {
    const isLast = index === plan.steps.length - 1;
    const share = shareAt({ plan }, index);
    const sides = sidesAt(share);
    const by = !isJudged || share === 0 ? 'nothing' : isInformative(sides.share) ? 'comparison' : 'ceiling';
    return { share, holdMs: isLast ? plan.bakeMs : holdMs, approve, by, sides };
  });
}

function candidatesAt(stretch: Stretch, sides: Sides, judged: Pick<Outlook, 'settings' | 'traffic'>): Forecast[] {
  const { traffic } = judged;
  const rule = errorRule(judged.settings);
  return TIMES_WORSE.flatMap((times) => {
    const found =
      stretch.by === 'comparison'
        ? compared(stretch, sides, traffic, times, rule)
        : alone(stretch, traffic, times, rule.signal.ceiling, rule.reactionMs);
    return found === null ? [] : [found];
  }).reverse();
}

function compared(
  { holdMs }: Stretch,
  { share, part }: Sides,
  { requests, bad, seconds }: PresentTraffic,
  times: number,
  rule: DetectionRule,
): Forecast | null {
  const found = detect({ share, holdMs }, { requests: requests * part, bad: bad * part, seconds }, times, rule);
  return found === null ? null : { times: named(times), ...found };
}

/** A step without comparison: the ceiling stops who is over it as soon as it may speak, and nobody else. */
function alone(
  { share, holdMs }: Stretch,
  traffic: PresentTraffic,
  times: number,
  ceiling: Ceiling | null,
  reactionMs: number,
): Forecast | null {
  const base = presentRate(traffic);
  if (base === null || !(traffic.seconds > 0)) return null;
  const rate = Math.min(1, base * times);
  const perSecond = (traffic.requests / traffic.seconds) * share;
  const inHold = (perSecond * holdMs) / 1000;
  const isOver = ceiling !== null && rate >= ceiling.share;
  const requests = isOver ? ceiling.minRequests : null;
  const isInTime = requests !== null && inHold >= requests;
  const failing = (isInTime ? requests + (perSecond * reactionMs) / 1000 : inHold) * rate;
  return {
    times: named(times),
    rate,
    requests,
    seconds: requests === null || perSecond === 0 ? null : requests / perSecond,
    failed: requests === null ? null : Math.ceil(requests * rate),
    failedMost: Math.ceil(failing + 2 * Math.sqrt(failing * (1 - rate))),
    withinHold: isInTime ? 1 : 0,
  };
}

function named(times: number): number | null {
  return Number.isFinite(times) ? times : null;
}

function costOf(times: number | null, stretches: readonly Forecast[]): RolloutForecast['costs'][number] {
  let failedMost = 0;
  let goesOn = 1;
  for (const one of stretches) {
    failedMost += one.failedMost;
    goesOn *= 1 - one.withinHold;
    if (goesOn <= SELDOM) break;
  }
  return { times, failedMost, isStopped: goesOn <= SELDOM };
}

/** What stands in the way of a start, by what would become of it. */
function obstacleOf(answer: Outlook['answer']): RolloutForecast['obstacle'] {
  switch (answer.kind) {
    case 'begin':
      return null;
    case 'refuse':
      return { kind: 'refuse', message: answer.message };
    case 'queue':
      return { kind: 'queue', message: 'it would wait for the end of the rollout that runs' };
    case 'restart':
      return { kind: 'restart', message: 'the rollout that runs would be taken back first' };
    default:
      return answer satisfies never;
  }
}
