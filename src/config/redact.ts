/**
 * The text of a config, fit to be shown.
 *
 * The admin API shows the file that is in effect, since people ask what it says. Spans that hold a secret are replaced
 * by `***`, and after that every further occurrence of a secret's value, as in a comment beside it. Lines stay where
 * they are, so that the positions of problems fit the shown text.
 */

import { HIDDEN } from './problem.ts';

/** A part of a text, by offsets of characters. */
export type Span = { readonly start: number; readonly end: number };

/** Replaces the spans, which may overlap and come in any order, and then every occurrence of the secrets. */
export function redact(text: string, spans: readonly Span[], secrets: Iterable<string>): string {
  let shown = '';
  let from = 0;
  for (const span of spans.toSorted((left, right) => left.start - right.start)) {
    if (span.start < from) continue;
    const inside = text.slice(span.start, span.end);
    // A text of several lines keeps its line ends.
    shown += text.slice(from, span.start) + HIDDEN + inside.replace(/[^\r\n]+/g, '');
    from = span.end;
  }
  shown += text.slice(from);
  for (const secret of secrets) shown = shown.replaceAll(secret, HIDDEN);
  return shown;
}

/** What is shown of a text that is no YAML: nothing, since its secrets cannot be found. */
export function redactUnread(text: string): string {
  return text.trim() === '' ? '' : '# Not shown: this cannot be read as YAML, so its secrets cannot be found.\n';
}
