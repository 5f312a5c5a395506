/**
 * Versions by Semantic Versioning 2.0.0: what is one, and which of two comes first (chapter 11).
 *
 * Strict: `v1.2.3` and `1.2` are none. Numbers are compared as digits, so that they are exact however long they are.
 */

const VERSION =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*))*))?(?:\+[\dA-Za-z-]+(?:\.[\dA-Za-z-]+)*)?$/;
const LENGTH_MAX = 256;

/** A version that can be compared; its build is no part of that. */
export interface SemanticVersion {
  readonly numbers: readonly string[];
  /** Empty for a release. */
  readonly preRelease: readonly string[];
}

/** Reads a version; undefined for a text that is none, or longer than 256 characters. */
export function parseVersion(text: string): SemanticVersion | undefined {
  const match = text.length > LENGTH_MAX ? null : VERSION.exec(text);
  if (match === null) return undefined;
  return { numbers: [match[1]!, match[2]!, match[3]!], preRelease: match[4]?.split('.') ?? [] };
}

/** Below zero when `a` comes before `b`, above when after, 0 when they have the same precedence. */
export function compareVersions(a: SemanticVersion, b: SemanticVersion): number {
  for (let i = 0; i < 3; i += 1) {
    const order = compareNumbers(a.numbers[i]!, b.numbers[i]!);
    if (order !== 0) return order;
  }
  // A release comes after all of its pre-releases.
  if (a.preRelease.length === 0 || b.preRelease.length === 0) return b.preRelease.length - a.preRelease.length;
  for (let i = 0; i < Math.min(a.preRelease.length, b.preRelease.length); i += 1) {
    const order = compareIdentifiers(a.preRelease[i]!, b.preRelease[i]!);
    if (order !== 0) return order;
  }
  return a.preRelease.length - b.preRelease.length;
}

function compareNumbers(a: string, b: string): number {
  return a.length - b.length || compareTexts(a, b);
}

function compareIdentifiers(a: string, b: string): number {
  const isNumberA = /^\d+$/.test(a);
  const isNumberB = /^\d+$/.test(b);
  if (isNumberA && isNumberB) return compareNumbers(a, b);
  return isNumberA === isNumberB ? compareTexts(a, b) : isNumberA ? -1 : 1;
}

function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
