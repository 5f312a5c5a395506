/**
 * What is known before a rollout begins: what a start would do, what the judge would go by, and the traffic it would see.
 *
 * The forecast is made of it, and so is the start itself, so the two cannot disagree about a plan.
 */
import type { Service } from '../config/schema.ts';
import type { DetectionRule, PresentTraffic } from '../judge/detectability.ts';
import { type ComparedSignal, type JudgeSettings, logNeeded } from '../judge/signals.ts';
import type { StartAnswer } from '../rollout/starting.ts';
import { hasOpenWeight, withinBudget } from './first-weight.ts';
import type { Refusal, StartOrder } from './operations.ts';
import { type Aim, refuse } from './rollout-aim.ts';

/** How long a candidate still gets requests after the one that gives it away: a tick of the loop, and a move of the gate. */
const REACTION_MS = 150;

export interface Outlook {
  readonly aim: Aim;
  /** The budget of failed requests, and the share that it has picked (null: no traffic to pick it by); null without one. */
  readonly budget: { readonly failedMax: number; readonly picked: number | null } | null;
  readonly settings: JudgeSettings;
  readonly traffic: PresentTraffic;
  /** What becomes of a start now. */
  readonly answer: StartAnswer;
}

/** The rule by which errors are judged under these settings. */
export function errorRule(settings: JudgeSettings): DetectionRule & { readonly signal: ComparedSignal } {
  const signal = settings.signals.find(({ name }) => name === 'errors');
  if (signal?.kind !== 'compared') throw new Error('errors are always judged by comparison');
  const { margin } = signal;
  return { signal, margin, logNeeded: logNeeded(signal, settings), floor: settings.floor, reactionMs: REACTION_MS };
}

/** The aim with the first weight that its budget of failed requests picks, or why there is none. */
export function budgetedAim(
  service: Service,
  aim: Aim,
  order: StartOrder,
  traffic: PresentTraffic,
  settings: JudgeSettings,
): Pick<Outlook, 'aim' | 'budget'> | Refusal {
  const failedMax = order.maxFailedRequests ?? service.rollout.maxFailedRequests;
  if (failedMax === undefined) return { aim, budget: null };
  if (!hasOpenWeight(aim.plan)) {
    if (order.maxFailedRequests === undefined) return { aim, budget: null };
    return refuse('bad-plan', `a ${aim.plan.kind} plan leaves no first weight to pick by failed requests`);
  }
  const budgeted = withinBudget(aim.plan, failedMax, traffic, errorRule(settings));
  if ('refused' in budgeted) return budgeted;
  return { aim: { ...aim, plan: budgeted.plan }, budget: { failedMax, picked: budgeted.picked } };
}
