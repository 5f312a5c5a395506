/**
 * Whether a rollout may begin now: what runs already, what came of the same version before, and freezes.
 *
 * Freezes are written in the clock of the people who agreed on them, with its zone, because "Friday at four" is not a number
 * of seconds: a window that is open from Friday to Monday is 63 or 65 hours long twice a year.
 */
import { hasEnded, type Rollout } from './rollout.ts';

/** What is done with a start while another rollout of the service runs. */
export type OnNewVersion = 'restart' | 'queue' | 'reject';

/** A time in which nothing new is begun. `from` and `to` are minutes of the week from Monday 0:00, or milliseconds since 1970. */
export type FreezeWindow =
  | {
      readonly kind: 'weekly';
      readonly from: number;
      readonly to: number;
      /** An IANA name, as `Europe/Berlin`. */
      readonly zone: string;
      readonly reason: string;
    }
  | { readonly kind: 'once'; readonly fromMs: number; readonly toMs: number; readonly reason: string };

/** The reason of the first window that is open at this time; null when none is. */
export function frozenAt(windows: readonly FreezeWindow[], nowMs: number): string | null {
  for (const window of windows) if (isOpen(window, nowMs)) return window.reason;
  return null;
}

function isOpen(window: FreezeWindow, nowMs: number): boolean {
  if (window.kind === 'once') return nowMs >= window.fromMs && nowMs < window.toMs;
  const now = minuteOfWeek(nowMs, window.zone);
  // One that ends before it begins goes over the end of the week.
  return window.from <= window.to ? now >= window.from && now < window.to : now >= window.from || now < window.to;
}

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** Minutes since Monday 0:00 on the clock of a zone. Throws a RangeError for a zone that does not exist. */
export function minuteOfWeek(nowMs: number, zone: string): number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    weekday: 'short',
    hour: 'numeric',
    minute: 'numeric',
    hourCycle: 'h23',
  });
  const part = new Map(format.formatToParts(nowMs).map(({ type, value }) => [type, value]));
  return DAYS.indexOf(part.get('weekday')!) * 1440 + Number(part.get('hour')) * 60 + Number(part.get('minute'));
}

/** What is asked for. */
export interface StartRequest {
  readonly version: string;
  /** How people know that version; by its name unless given. */
  readonly called?: string;
  /** Start it although this version was rolled back the last time. */
  readonly again: boolean;
  /** The group that its service belongs to, where it is to be started without the others; null else. */
  readonly apartFrom: string | null;
}

/** Why a rollout is not begun. */
export type StartRefusal = 'frozen' | 'in-group' | 'running' | 'rolled-back-before';

export type StartAnswer =
  | { readonly kind: 'begin' }
  /** The running one is taken back first. */
  | { readonly kind: 'restart' }
  /** It begins when the running one has ended. */
  | { readonly kind: 'queue' }
  | {
      readonly kind: 'refuse';
      readonly code: StartRefusal;
      readonly message: string;
    };

/** What becomes of a start. `last` is the service's last rollout, running or ended, with the version that it brought. */
export function answerStart(
  { version, called = version, again, apartFrom }: StartRequest,
  last: { readonly rollout: Rollout; readonly version: string } | null,
  frozen: string | null,
  onNewVersion: OnNewVersion,
): StartAnswer {
  if (frozen !== null) return { kind: 'refuse', code: 'frozen', message: `nothing is started now: ${frozen}` };
  if (apartFrom !== null) {
    const message = `it belongs to the group ${apartFrom}: start that with --group ${apartFrom}, or this one alone with --alone`;
    return { kind: 'refuse', code: 'in-group', message };
  }
  if (last === null) return { kind: 'begin' };
  const { rollout } = last;
  if (!hasEnded(rollout)) return answerWhileRunning(rollout, onNewVersion);
  // One that went back with another member of its bond was not found to be bad.
  const wasBad = rollout.phase === 'rolled-back' && rollout.along === null && last.version === version && !again;
  if (!wasBad) return { kind: 'begin' };
  const message = `${called} was rolled back the last time: ${rollout.reason}; say --again to start it all the same`;
  return { kind: 'refuse', code: 'rolled-back-before', message };
}

function answerWhileRunning(rollout: Rollout, onNewVersion: OnNewVersion): StartAnswer {
  switch (onNewVersion) {
    case 'restart':
    case 'queue':
      return { kind: onNewVersion };
    case 'reject': {
      const message = `a rollout to ${rollout.candidate} is ${rollout.phase}; end it first`;
      return { kind: 'refuse', code: 'running', message };
    }
    default:
      return onNewVersion satisfies never;
  }
}
