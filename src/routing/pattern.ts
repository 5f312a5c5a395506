/**
 * What one part of a request must look like: a path, or the value of a header, query parameter or cookie.
 *
 * Regular expressions are JavaScript's own with the flag `u`, which refuses the sloppy escapes that would silently mean
 * something else. They are not anchored: a pattern says `^` and `$` where it means them, because an implied anchor is
 * the thing that surprises people who move a pattern here from another proxy. They can backtrack, so a careless pattern
 * costs time on every request; they come from the operator's file, never from a client, and what they run against is
 * bounded by the limits on target and head. A linear-time engine was weighed and left out: it would be a dependency on
 * the hot path for a feature that few routes use.
 */

/** What a header, query parameter or cookie must be: this value, a value with this pattern in it, or (not) there at all. */
export type ValueMatch =
  | { readonly kind: 'exact'; readonly value: string }
  | { readonly kind: 'regex'; readonly source: string }
  | { readonly kind: 'present'; readonly present: boolean };

/** What a path must be: this path, this path or one below it (by whole segments), or one with this pattern in it. */
export type PathMatch = { readonly kind: 'exact' | 'prefix' | 'regex'; readonly value: string };

/** A pattern that compiled, or the reason why it did not. */
export type Compiled =
  | { readonly kind: 'pattern'; readonly pattern: RegExp }
  | { readonly kind: 'problem'; readonly problem: string };

/** Compiles `source` as routes will use it; a source that is no regular expression comes back as a problem, for config to report. */
export function compilePattern(source: string): Compiled {
  try {
    return { kind: 'pattern', pattern: new RegExp(source, 'u') };
  } catch (error) {
    return { kind: 'problem', problem: error instanceof Error ? error.message : String(error) };
  }
}

/** The pattern of a source that config has checked; throws on any other, which is a programmer's error. */
export function checkedPattern(source: string): RegExp {
  const compiled = compilePattern(source);
  if (compiled.kind === 'problem') throw new Error(`unchecked pattern ${JSON.stringify(source)}: ${compiled.problem}`);
  return compiled.pattern;
}

/** A `ValueMatch` made ready for many requests. */
export type ValueTest =
  | { readonly kind: 'exact'; readonly value: string }
  | { readonly kind: 'regex'; readonly pattern: RegExp }
  | { readonly kind: 'present'; readonly present: boolean };

/** Makes a match ready; throws when its pattern was never checked. */
export function valueTest(match: ValueMatch): ValueTest {
  return match.kind === 'regex' ? { kind: 'regex', pattern: checkedPattern(match.source) } : match;
}

/** Whether a value passes; `undefined` is a value that is not there, which only `present: false` accepts. */
export function valuePasses(test: ValueTest, value: string | undefined): boolean {
  switch (test.kind) {
    case 'exact':
      return value === test.value;
    case 'regex':
      return value !== undefined && test.pattern.test(value);
    case 'present':
      return (value !== undefined) === test.present;
    default:
      return test satisfies never;
  }
}
