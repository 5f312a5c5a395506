/**
 * Activation strategies of Unleash: whom each of them activates a feature for.
 *
 * A feature is active there when any of its strategies says so, each by itself. Strategies of one group draw a user's place from the same
 * line, so that it is enough to ask the one with the largest share first: whoever is not in that is in none of the others.
 */

import { parseRange } from '../routing/address.ts';
import { and, atom, type Expression, NEVER, or } from './import-expression.ts';
import { type FlagReport, type JsonRecord, listIn, recordIn, shortText, textIn } from './import-report.ts';
import { attributeOf, constraintExpression } from './import-unleash-constraint.ts';
import type { Located } from './import-unleash-document.ts';

/** A strategy that was understood. */
export interface UnleashStrategy {
  readonly at: string;
  readonly name: string;
  readonly when: Expression;
  /** In percent; 100 where it draws nothing. */
  readonly percent: number;
  /** What its draw is made of; null where it draws nothing. */
  readonly draw: UnleashDraw | null;
  readonly variants: readonly JsonRecord[];
  /** What its variants are drawn by where they do not say. */
  readonly group: string;
  readonly stickiness: string;
}

/** `by` is an attribute of ours; null for the targeting key. */
export interface UnleashDraw {
  readonly salt: string;
  readonly by: string | null;
}

type Aim = Pick<UnleashStrategy, 'percent' | 'draw'> & { readonly who: Expression };

const EVERYBODY = and();

/** What a `stickiness` is drawn by here. */
export function drawnBy(stickiness: string): string | null {
  if (stickiness === 'default' || stickiness === 'random' || stickiness === 'userId') return null;
  const attribute = attributeOf(stickiness);
  return attribute === 'targetingKey' ? null : attribute;
}

/** A strategy as it can be carried over; undefined, with a note, for one that cannot. */
export function readStrategy(
  { at, record }: Located,
  feature: string,
  segments: ReadonlyMap<string, readonly Located[]>,
  report: FlagReport,
): UnleashStrategy | undefined {
  const kind = textIn(record.name) ?? '';
  const parameters = recordIn(record.parameters) ?? {};
  if (record.disabled === true) {
    report.lost(at, 'the strategy is disabled');
    return undefined;
  }
  const aim = aimOf(kind, parameters, feature, at, report);
  const conditions = questionsOf(record, at, segments, report);
  if (aim === undefined || conditions === undefined) return undefined;
  const title = textIn(record.title);
  return {
    at,
    name: title === undefined || title === '' ? kind : title,
    when: and(aim.who, ...conditions),
    percent: aim.percent,
    draw: aim.draw,
    group: groupIn(parameters, feature),
    stickiness: textIn(parameters.stickiness) || 'default',
    variants: listIn(record.variants).filter((variant) => recordIn(variant) !== undefined) as JsonRecord[],
  };
}

function questionsOf(
  record: JsonRecord,
  at: string,
  segments: ReadonlyMap<string, readonly Located[]>,
  report: FlagReport,
): readonly Expression[] | undefined {
  const asked = listIn(record.constraints).map((constraint, index) =>
    constraintExpression(recordIn(constraint) ?? {}, `${at}.constraints[${index}]`, report),
  );
  for (const id of listIn(record.segments)) {
    const constraints = segments.get(String(id));
    if (constraints === undefined) {
      const what = `the constraints of the segment ${shortText(id)} are not in the document, as what clients fetch has them`;
      report.lost(at, `${what}; the strategy is left out`);
      return undefined;
    }
    asked.push(...constraints.map((one) => constraintExpression(one.record, one.at, report)));
  }
  return asked.includes(undefined) ? undefined : (asked as readonly Expression[]);
}

function aimOf(kind: string, parameters: JsonRecord, feature: string, at: string, report: FlagReport): Aim | undefined {
  const text = (key: string): string => textIn(parameters[key]) ?? String(parameters[key] ?? '');
  const drawn = (share: string, stickiness: string): Aim | undefined => {
    const percent = Number(share);
    if (share.trim() === '' || !(percent >= 0 && percent <= 100)) {
      report.lost(at, `${shortText(share)} is no percentage; the strategy is left out`);
      return undefined;
    }
    const by = drawnBy(stickiness);
    if (percent === 0) return { who: NEVER, percent: 100, draw: null };
    // A draw at 100% is none, but without what is drawn by nobody is in it, save where anything would do.
    const isAnybody = stickiness === 'default' || stickiness === 'random';
    const there = isAnybody ? EVERYBODY : atom({ attribute: by ?? 'targetingKey', exists: true });
    if (percent === 100) return { who: there, percent, draw: null };
    if (stickiness === 'random') report.changed(at, 'each request is drawn anew there; here a key keeps its place');
    return { who: EVERYBODY, percent, draw: { salt: groupIn(parameters, feature), by } };
  };
  switch (kind) {
    case 'default':
      return { who: EVERYBODY, percent: 100, draw: null };
    case 'userWithId': {
      const users = words(text('userIds'));
      return {
        who: users.length === 0 ? NEVER : atom({ attribute: 'targetingKey', in: users }),
        percent: 100,
        draw: null,
      };
    }
    case 'remoteAddress':
      return addressesAim(words(text('IPs')), at, report);
    case 'flexibleRollout':
      return drawn(text('rollout'), textIn(parameters.stickiness) || 'default');
    case 'gradualRolloutUserId':
      return drawn(text('percentage'), 'userId');
    case 'gradualRolloutSessionId':
      return drawn(text('percentage'), 'sessionId');
    case 'gradualRolloutRandom':
      return drawn(text('percentage'), 'random');
    default:
      report.lost(at, `the strategy ${shortText(kind)} has no counterpart; it is left out`);
      return undefined;
  }
}

function groupIn(parameters: JsonRecord, feature: string): string {
  return textIn(parameters.groupId) || feature;
}

function addressesAim(addresses: readonly string[], at: string, report: FlagReport): Aim {
  const networks = addresses.filter((address) => parseRange(address) !== undefined);
  for (const address of addresses) {
    if (!networks.includes(address)) report.lost(at, `${shortText(address)} is no address`);
  }
  return { who: networks.length === 0 ? or() : atom({ attribute: 'ip', cidr: networks }), percent: 100, draw: null };
}

function words(text: string): readonly string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}
