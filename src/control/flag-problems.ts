/**
 * What is wrong with a flag that somebody wants to set, in the words in which the same mistake is told of the file.
 *
 * There is no line and no column here, but the path is that of the file below `flags.NAME`, and what is allowed there comes from
 * the same place. The value is not repeated: whoever sent it has it, and it may be long.
 */

import type { z } from 'zod';
import type { FlagFinding } from '../config/flag-checks.ts';
import { allowedAt, keysAt, namesAt } from '../config/language.ts';
import { formatPath, formatValue, type Path } from '../config/problem.ts';
import { nearest } from '../config/suggest.ts';
import type { Refusal } from './operations.ts';

/** Problems that one refusal names. */
const PROBLEMS_MAX = 20;
const MESSAGE_CHARACTERS_MAX = 500;

type Issue = z.core.$ZodIssue;

/** What the schema objects to in a flag. */
export function findingsOf(name: string, issues: readonly Issue[]): readonly FlagFinding[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(name, path, key));
    const place = ['flags', name, ...path];
    const atPlace = issue.code === 'invalid_key' ? namesAt(place.slice(0, -1)) : allowedAt(place);
    const allowed = allowedOf(issue) ?? atPlace;
    return [{ path, message: messageOf(issue), ...(allowed === undefined ? {} : { allowed }) }];
  });
}

function unknownKey(name: string, path: Path, key: string): FlagFinding {
  const known = keysAt(['flags', name, ...path]);
  const near = nearest(key, known);
  const suggestion = near === undefined ? '' : `; did you mean ${formatValue(near)}?`;
  return { path: [...path, key], message: 'is not a known key', allowed: `${known.join(', ')}${suggestion}` };
}

function messageOf(issue: Issue): string {
  if (issue.code === 'custom' && issue.message !== '' && issue.message !== 'Invalid input') return issue.message;
  if (issue.code === 'invalid_key') return 'is not allowed as a name';
  return issue.input === undefined ? 'is missing' : 'is not allowed';
}

function allowedOf(issue: Issue): string | undefined {
  return issue.code === 'custom' ? (issue.params as { readonly allowed?: string } | undefined)?.allowed : undefined;
}

/** A refusal of what cannot be the name of a flag. */
export function badName(name: string): Refusal {
  const allowed = namesAt(['flags']);
  const message = 'cannot be the name of a flag';
  return badFlag(name, message, [{ path: [], message, ...(allowed === undefined ? {} : { allowed }) }]);
}

/** A refusal that names what was found. */
export function badFlag(name: string, message: string, findings: readonly FlagFinding[]): Refusal {
  const problems = findings.slice(0, PROBLEMS_MAX).map(({ path, message: what, allowed }) => ({
    path: formatPath(path),
    message: what,
    ...(allowed === undefined ? {} : { allowed }),
  }));
  const [first] = problems;
  const where = first === undefined || first.path === '' ? '' : `${first.path}: `;
  const allowed = first?.allowed === undefined ? '' : `; allowed: ${first.allowed}`;
  const text = first === undefined ? message : `${where}${first.message}${allowed}`;
  return {
    refused: true,
    code: 'bad-flag',
    message: `flag ${name.slice(0, 100)}: ${text}`.slice(0, MESSAGE_CHARACTERS_MAX),
    details: { problems },
  };
}
