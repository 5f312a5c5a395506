/**
 * A forecast for people: what the plan would find out at the present traffic, and what a bad candidate would cost.
 *
 * "In half of all cases" and "in 19 of 20" stand below the tables once, because a number of failed requests that is read as a promise
 * is worse than none.
 */

import type { RolloutForecast } from '../control/operations.ts';
import { countText } from '../judge/figures.ts';
import { amount, percent, span } from './figures.ts';
import { paint } from './paint.ts';
import { plainTable } from './plain-table.ts';
import type { TableStyle } from './status-table.ts';
import { ascii, plain, wrapped } from './terminal-text.ts';

type Step = RolloutForecast['steps'][number];

/** The whole forecast; ends with a line break. */
export function forecastText(forecast: RolloutForecast, style: TableStyle): string {
  const { service, active, candidate, version, plan, obstacle } = forecast;
  const said = (text: string): string[] =>
    wrapped(plain(text), Math.max(40, style.width - 2)).map((line) => `  ${line}`);
  const head = `${paint(plain(service), 'bold', style.colour)}  ${plain(active)} to ${plain(candidate)} (${plain(version)}), ${plain(plan)}: nothing is done`;
  const lines = [head, ...said(trafficText(forecast)), ...said(lengthText(forecast))];
  if (obstacle !== null) lines.push(...said(`now: ${obstacle.message}`));
  if (forecast.budget !== null) lines.push(...said(budgetText(forecast.budget)));
  if (forecast.costs.length > 0) lines.push('', ...tables(forecast, style), ...said(FOOTNOTE));
  const text = `${lines.join('\n')}\n`;
  return style.unicode ? text : ascii(text);
}

const FOOTNOTE =
  'Requests of both sides, seconds and failed requests until a candidate that is so many times worse is taken back, in half of all cases; "at most" in 19 of 20, with what fails until the step ends. Each step is counted as if the evidence began there; a pause goes on costing.';

function trafficText({ traffic, active, steps, unjudged }: RolloutForecast): string {
  if (traffic === null) {
    const why = unjudged ? `: ${unjudged}` : '';
    return `Steps: ${steps.map(stepText).join(', ')}. What a bad treatment would cost is not foretold${why}.`;
  }
  const { requests, bad, seconds } = traffic;
  if (seconds === 0 || requests === 0) {
    const window = seconds === 0 ? '' : ` in the last ${span(seconds * 1000)}`;
    return `There was no traffic${window}, so nothing can be foretold: a rollout waits for requests.`;
  }
  const rate = `${amount(requests / seconds)} requests a second`;
  const failed =
    bad === 0 ? 'without a failure (one is assumed)' : `${percent(bad / requests)}% of them failed on ${active}`;
  return `In the last ${span(seconds * 1000)}: ${rate}, ${failed}.`;
}

function stepText({ share, approve }: Step): string {
  return `${percent(share)}%${approve ? ' and an approval' : ''}`;
}

function lengthText({ leastMs, steps }: RolloutForecast): string {
  const approvals = steps.filter(({ approve }) => approve).length;
  const more = approvals === 0 ? '' : `, and ${approvals} ${approvals === 1 ? 'approval' : 'approvals'}`;
  return `It takes ${span(leastMs)} at least${more}.`;
}

function budgetText({ failedMax, picked }: NonNullable<RolloutForecast['budget']>): string {
  const budget = `At most ${countText(failedMax)} failed requests`;
  if (picked === null)
    return `${budget}: without traffic there is nothing to pick the first weight by, and the plan stands.`;
  return `${budget}: the first weight is ${percent(picked)}%.`;
}

function tables({ steps, costs }: RolloutForecast, style: TableStyle): string[] {
  const place = { width: style.width, indent: 2, mark: style.unicode ? '…' : '~' };
  const columns = ['STEP', 'WORSE', 'FAILS', 'REQUESTS', 'TIME', 'FAILED', 'AT MOST', 'IN TIME'];
  const sides = columns.map((title, index) => ({ title, side: index < 2 ? 'left' : 'right' }) as const);
  const rows = steps.flatMap((step, index) => rowsOf(step, index === steps.length - 1));
  const costRows = costs.map(({ times, failedMost, isStopped }) => [
    timesText(times),
    countText(failedMost),
    isStopped ? 'taken back by then' : 'NOT surely found by this plan',
  ]);
  const costColumns = [
    { title: 'WORSE', side: 'left' },
    { title: 'FAILED AT MOST', side: 'right' },
    { title: 'OVER THE WHOLE PLAN', side: 'left' },
  ] as const;
  return [...plainTable(sides, rows, place), '', ...plainTable(costColumns, costRows, place)];
}

function rowsOf(step: Step, isLast: boolean): string[][] {
  const name = `${percent(step.share)}%${isLast ? ' bake' : ''}`;
  if (step.by === 'nothing') return [[name, 'nobody is sent there by chance', '', '', '', '', '', '']];
  return step.candidates.map((one, index) => [
    index === 0 ? name : '',
    timesText(one.times),
    `${percent(one.rate)}%`,
    one.requests === null ? '-' : countText(one.requests),
    one.seconds === null ? '-' : one.seconds < 1 ? '<1 s' : span(one.seconds * 1000),
    one.failed === null ? '-' : countText(one.failed),
    countText(one.failedMost),
    `${percent(one.withinHold)}%`,
  ]);
}

function timesText(times: number | null): string {
  return times === null ? 'fails all' : `${times}x`;
}
