/**
 * Whether a regular expression of a config may be run on what clients send.
 *
 * JavaScript's engine backtracks: `(a+)+$` takes exponential time on a text that a stranger chooses, and it would hold
 * a whole data thread. So a repetition without a bound must not contain another repetition (star height one). This is
 * conservative, it refuses some harmless expressions, and it is checkable in one pass; an exact test would need the
 * automaton. It does not find alternatives that overlap, such as `(a|a)*`, unless they are plainly equal: texts that
 * are matched are bounded by `limits.target` and `limits.head`.
 */

/** What is wrong with the expression, without its text (it may be a secret); `undefined` when it may be used. */
export function regexProblem(source: string): string | undefined {
  try {
    new RegExp(source, 'u');
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    // The engine's message is `Invalid regular expression: /source/u: reason`; only the reason is free of the source.
    const reason = message.slice(message.lastIndexOf('/u: ') + 4);
    return `is not a regular expression: ${reason.charAt(0).toLowerCase()}${reason.slice(1)}`;
  }
  return hasNestedRepetition(source)
    ? 'repeats something that repeats itself, which can take exponential time'
    : undefined;
}

type Group = { repeats: boolean; readonly alternatives: string[]; start: number };

/** Repetition that can go on for long: `*`, `+`, `{n,}`, or a bound above this many. */
const FEW = 16;

function hasNestedRepetition(source: string): boolean {
  const groups: Group[] = [{ repeats: false, alternatives: [], start: 0 }];
  let closed: Group | undefined;
  for (let index = 0; index < source.length; index += 1) {
    const char = source[index];
    const inner = groups.at(-1)!;
    const before = closed;
    closed = undefined;
    if (char === '\\') index += 1;
    else if (char === '[') index = endOfClass(source, index);
    else if (char === '(') groups.push({ repeats: false, alternatives: [], start: bodyStart(source, index) });
    else if (char === '|') {
      inner.alternatives.push(source.slice(inner.start, index));
      inner.start = index + 1;
    } else if (char === ')' && groups.length > 1) {
      inner.alternatives.push(source.slice(inner.start, index));
      closed = groups.pop()!;
      if (closed.repeats) groups.at(-1)!.repeats = true;
    } else if (repeatsLong(source, index)) {
      if (before !== undefined && (before.repeats || hasEqual(before.alternatives))) return true;
      inner.repeats = true;
    }
  }
  return false;
}

function hasEqual(alternatives: readonly string[]): boolean {
  return new Set(alternatives).size < alternatives.length;
}

function repeatsLong(source: string, index: number): boolean {
  const char = source[index];
  if (char === '*' || char === '+') return true;
  if (char !== '{') return false;
  const bound = /^\{([0-9]+)(?:(,)([0-9]*))?\}/.exec(source.slice(index, index + 32));
  if (bound === null) return false;
  const most = bound[2] === undefined ? bound[1]! : bound[3]!;
  return most === '' || Number(most) > FEW;
}

function bodyStart(source: string, index: number): number {
  const opening = /^\((?:\?(?::|=|!|<=|<!|<[^>]*>))?/.exec(source.slice(index, index + 128));
  return index + (opening?.[0].length ?? 1);
}

function endOfClass(source: string, start: number): number {
  for (let index = start + 1; index < source.length; index += 1) {
    if (source[index] === '\\') index += 1;
    else if (source[index] === ']') return index;
  }
  return source.length;
}
