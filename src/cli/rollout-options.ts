/**
 * What `rollout start` says of a plan, read from the command line in the writing of the config file: `--steps 1%,5%,100%`,
 * `--hold 10m`. Whether a plan makes sense is the control plane's to say.
 */

import { parseDuration, parsePercent } from '../config/units.ts';
import { PLAN_KINDS } from '../rollout/plan.ts';
import type { Command, OptionSpec } from './command.ts';

/** The options that say what is rolled out, and how. */
export const PLAN_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  to: { value: 'POOL', help: 'the candidate (default: the only other pool)' },
  version: { value: 'V', help: 'only if the candidate has this version in the file' },
  plan: { value: 'KIND', help: `another plan than the file's: ${PLAN_KINDS.join(', ')}` },
  steps: { value: 'SHARES', help: 'other steps, such as 1%,5%,25%,100%' },
  hold: { value: 'TIME', help: 'how long each step lasts at least, such as 10m' },
  bake: { value: 'TIME', help: 'how long it is watched after 100%, such as 15m' },
  'max-failed-requests': { value: 'N', help: 'what a bad candidate may cost; picks the first weight' },
  'no-verify': { help: 'leave out every verification' },
  again: { help: 'also when this version was rolled back the last time' },
};

/** `--group` in place of a service. */
export const GROUP_OPTION: OptionSpec = { value: 'NAME', help: 'all services that roll together under this name' };

/** What a command is about, and where its calls begin; `group` is null for one service. */
export interface Subject {
  readonly group: string | null;
  readonly path: readonly string[];
}

/** The service or the group that the words name; a text says what is wrong. */
export function subjectOf(command: Command): Subject | string {
  const [service] = command.words;
  const group = command.value('group');
  if (group === undefined && service !== undefined) return { group: null, path: ['api', 'services', service] };
  if (group !== undefined && service === undefined) return { group, path: ['api', 'groups', group] };
  return group === undefined ? 'a service is missing, or --group' : 'a service and --group do not go together';
}

const REQUESTS_MAX = 1_000_000_000;

/** The body of a start; a text says what is wrong. */
export function startBody(command: Command): Readonly<Record<string, unknown>> | string {
  const body: Record<string, unknown> = {};
  for (const name of ['to', 'version', 'plan'] as const) {
    const value = command.value(name);
    if (value !== undefined) body[name] = value;
  }
  if (body.plan !== undefined && !PLAN_KINDS.some((kind) => kind === body.plan)) {
    return `--plan is one of ${PLAN_KINDS.join(', ')}`;
  }
  const steps = command.value('steps');
  if (steps !== undefined) {
    const shares = steps.split(',').map((one) => parsePercent(one.trim()));
    if (shares.includes(undefined)) return '--steps needs shares with commas between them, such as 1%,5%,100%';
    body.steps = shares.map((share) => share! / 100);
  }
  for (const name of ['hold', 'bake'] as const) {
    const written = command.value(name);
    if (written === undefined) continue;
    const ms = parseDuration(written);
    if (ms === undefined) return `--${name} needs a duration such as 30s, 10m or 1h`;
    body[`${name}Ms`] = ms;
  }
  const failed = command.value('max-failed-requests');
  if (failed !== undefined) {
    const count = Number(failed);
    if (!/^[0-9]+$/.test(failed) || count < 1 || count > REQUESTS_MAX) {
      return `--max-failed-requests needs a whole number from 1 to ${REQUESTS_MAX}`;
    }
    body.maxFailedRequests = count;
  }
  if (command.has('no-verify')) body.verify = false;
  if (command.has('again')) body.again = true;
  if (command.has('alone')) body.alone = true;
  return body;
}

/** A multiple such as `1.5x` as a number from 1 to 100; undefined when it is none. */
export function multipleOf(written: string): number | undefined {
  const match = /^([0-9]{1,3}(?:\.[0-9]{1,6})?)x?$/.exec(written);
  const value = Number(match?.[1] ?? Number.NaN);
  return value >= 1 && value <= 100 ? value : undefined;
}

/** A share such as `0.1%` as a number between 0 and 1, both left out; undefined when it is none. */
export function chanceOf(written: string): number | undefined {
  const percent = parsePercent(written);
  return percent !== undefined && percent > 0 && percent < 100 ? percent / 100 : undefined;
}
