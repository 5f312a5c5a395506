/**
 * Queries and addresses with the names of a rollout in them: `{service}`, `{active}`, `{candidate}`, and `{pool}` with its
 * `{version}` for the side that is asked about.
 *
 * A version is a free text, so it is escaped for where it stands; otherwise a label such as `v1"} or vector(0)` could make a
 * query say that all is well. Whatever else is in braces is left as it is: PromQL uses them itself. A word in braces alone
 * is no PromQL, so one that is not known is a misspelt name, and config reports it.
 */

/** What may stand in braces. */
export const PLACEHOLDERS = ['service', 'active', 'candidate', 'pool', 'version'] as const;
export type Placeholder = (typeof PLACEHOLDERS)[number];

const BRACES = /\{([A-Za-z]+)\}/g;

/** The template with the values in their places, each as `escapeFor` writes it. */
export function fill(
  template: string,
  values: Readonly<Record<Placeholder, string>>,
  escapeFor: (value: string) => string,
): string {
  return template.replace(BRACES, (whole, word: string) => (isPlaceholder(word) ? escapeFor(values[word]) : whole));
}

/** The first word in braces that is no name of a rollout; undefined when there is none. */
export function unknownWord(template: string): string | undefined {
  return words(template).find((word) => !isPlaceholder(word));
}

/** Whether the two sides of a rollout make different texts of this. */
export function tellsSidesApart(template: string): boolean {
  return words(template).some((word) => word === 'pool' || word === 'version');
}

/** A value inside of a PromQL string, whichever quotes it has: by the escapes that all of them know. */
export function escapeForQuery(value: string): string {
  return value.replace(/["'`\\]/g, (char) => `\\x${char.charCodeAt(0).toString(16)}`);
}

/** A value inside of an address. */
export function escapeForAddress(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}

function words(template: string): string[] {
  return [...template.matchAll(BRACES)].map(([, word]) => word!);
}

function isPlaceholder(word: string): word is Placeholder {
  return (PLACEHOLDERS as readonly string[]).includes(word);
}
