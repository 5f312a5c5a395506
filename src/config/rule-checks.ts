/**
 * Which fields a rule may touch, and whether a replacement fits its regular expression.
 *
 * The list is of names that the engine writes itself in at least one direction. `Host` is among them because it decides
 * where a request goes, and `Authorization` is not: to send it to an endpoint is what many rules are for.
 */

const RESERVED: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'forwarded',
  'host',
  'http2-settings',
  'keep-alive',
  'max-forwards',
  'te',
  'traceparent',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
  'x-request-id',
]);

/** Fields that say something about the answer that has them; the fields of its body begin with `content-`. */
const ABOUT_ANSWER: ReadonlySet<string> = new Set(['date', 'server', 'set-cookie']);

/** Whether a rule may set, add or remove fields of this name. */
export function isForwardable(name: string): boolean {
  const lower = name.toLowerCase();
  return !RESERVED.has(lower) && !lower.startsWith('proxy-') && !lower.startsWith('x-forwarded-');
}

/** Whether a request may get a field of this name from an answer: not one that is about that answer. */
export function isAboutRequest(name: string): boolean {
  const lower = name.toLowerCase();
  return isForwardable(name) && !lower.startsWith('content-') && !ABOUT_ANSWER.has(lower);
}

/** What is wrong with a replacement for what `regex` finds; `undefined` when every group that it names is there. */
export function replacementProblem(regex: string, to: string): string | undefined {
  let groups: RegExpExecArray;
  try {
    // With an empty alternative it always finds something, and what it finds lists all groups.
    groups = new RegExp(`${regex}|`, 'u').exec('')!;
  } catch {
    // What is no regular expression is reported where it stands.
    return undefined;
  }
  for (const [dollar, digit, name] of to.matchAll(/\$(?:([1-9])|<([^>]*)>|\$)?/g)) {
    if (dollar === '$') return 'has a $ that names no group; $$ is a dollar sign';
    if (digit !== undefined && Number(digit) >= groups.length) return `names group ${digit}, which is not there`;
    if (name !== undefined && !Object.hasOwn(groups.groups ?? {}, name)) return 'names a group that is not there';
  }
  return undefined;
}
