/**
 * Times in which no rollout is begun, as they are written: `Fri 16:00` on the clock of a zone, every week, or one moment to
 * another with their offset from UTC. A window of a week has its zone beside it, because whoever writes "Friday at four"
 * means a clock on a wall; a moment has said all by itself.
 */

import { z } from 'zod';
import { text } from './scalars.ts';

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const WEEKLY = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([01][0-9]|2[0-3]):([0-5][0-9])$/;
const INSTANT =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,3})?)?(?:Z|[+-][0-9]{2}:[0-9]{2})$/;

const MOMENT = 'a day and time such as Fri 16:00, or a moment such as 2026-12-20T00:00:00Z';

type Moment = { readonly minute: number } | { readonly ms: number };

/** A time of the week as minutes since Monday 0:00, or a moment as milliseconds since 1970; `undefined` when it is none. */
export function parseMoment(written: string): Moment | undefined {
  const weekly = WEEKLY.exec(written);
  if (weekly !== null) {
    return { minute: DAYS.indexOf(weekly[1]!) * 1440 + Number(weekly[2]) * 60 + Number(weekly[3]) };
  }
  const ms = parseInstant(written);
  return ms === undefined ? undefined : { ms };
}

/** A moment with its offset from UTC as milliseconds since 1970; `undefined` when it is none. */
export function parseInstant(written: string): number | undefined {
  if (!INSTANT.test(written)) return undefined;
  const ms = Date.parse(written);
  // A day that no calendar has, such as the 30th of February, is read as a later one.
  const [year, month, day] = written.slice(0, 10).split('-').map(Number);
  const isDay = new Date(Date.UTC(year!, month! - 1, day!)).getUTCDate() === day;
  return Number.isNaN(ms) || !isDay ? undefined : ms;
}

const moment = z
  .string()
  .max(40)
  .meta({ allowed: MOMENT })
  .transform((written, context): Moment => {
    const value = parseMoment(written);
    if (value !== undefined) return value;
    context.issues.push({ code: 'custom', message: '', input: written });
    return z.NEVER;
  });

const zone = z
  .string()
  .max(64)
  .meta({ allowed: 'a time zone such as Europe/Berlin' })
  .transform((written, context) => {
    if (isZone(written)) return written;
    context.issues.push({ code: 'custom', message: '', input: written });
    return z.NEVER;
  });

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const window = z
  .strictObject({
    from: moment.describe('When it begins.'),
    to: moment.describe('When it is over; a weekly one may go over the end of the week.'),
    zone: zone.optional().describe('Whose clock a weekly one goes by; UTC if it is not given.'),
    reason: text('a short reason', 200).describe('What whoever wants to start a rollout is told.'),
  })
  .transform(({ from, to, zone: clock, reason }, context) => {
    const refuse = (message: string, allowed: string, path: string[]): never => {
      context.issues.push({ code: 'custom', message, input: undefined, path, params: { allowed } });
      return z.NEVER;
    };
    if ('minute' in from && 'minute' in to) {
      if (from.minute === to.minute) return refuse('ends when it begins', 'another time than from', ['to']);
      return { kind: 'weekly' as const, from: from.minute, to: to.minute, zone: clock ?? 'UTC', reason };
    }
    if ('minute' in from || 'minute' in to)
      return refuse('is not of the kind of from', `two of a kind: ${MOMENT}`, ['to']);
    if (clock !== undefined)
      return refuse('is not used by moments, which have their own', 'zone of weekly times', ['zone']);
    if (from.ms >= to.ms) return refuse('is not after from', 'a later moment than from', ['to']);
    return { kind: 'once' as const, fromMs: from.ms, toMs: to.ms, reason };
  });

/** What stands under `freeze:`. */
export const freeze = z
  .array(window)
  .max(100)
  .default([])
  .describe('Times in which no rollout is begun, and running ones pause; going back is always possible.');

type Window = z.output<typeof window>;

/** A window as people write it: `Fri 16:00 to Mon 08:00 Europe/Berlin`. */
export function windowText(one: Window): string {
  if (one.kind === 'once') return `${new Date(one.fromMs).toISOString()} to ${new Date(one.toMs).toISOString()}`;
  return `${weekText(one.from)} to ${weekText(one.to)} ${one.zone}`;
}

function weekText(minute: number): string {
  const [hours, minutes] = [Math.floor((minute % 1440) / 60), minute % 60].map((part) => String(part).padStart(2, '0'));
  return `${DAYS[Math.floor(minute / 1440)]} ${hours}:${minutes}`;
}
