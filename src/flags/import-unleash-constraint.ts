/**
 * Constraints of Unleash as questions of ours (see `import-expression.ts`).
 *
 * All values are texts there. A constraint on something that the context does not have is false, and true when it is inverted. An
 * operator that is not known makes its strategy fit nobody there, and so it is here: the strategy is left out.
 */
import { parseRange } from '../routing/address.ts';
import { isExpression } from './condition-test.ts';
import type { WrittenVersions } from './definition.ts';
import { atom, type Expression, NEVER, not, or } from './import-expression.ts';
import { type FlagReport, type JsonRecord, shortText, textIn, textsIn } from './import-report.ts';
import { parseMoment } from './moment.ts';
import { parseVersion } from './semantic-version.ts';

/** Where Unleash's own fields are found here; everything else has the name that it has there. */
const ATTRIBUTES: Readonly<Record<string, string>> = { userId: 'targetingKey', remoteAddress: 'ip' };
/** The field that is the clock of whoever asks. */
export const CLOCK = 'currentTime';
const PATTERN_MAX = 1000;
const TEXTS: Readonly<Record<string, 'prefix' | 'suffix' | 'contains'>> = {
  STR_STARTS_WITH: 'prefix',
  STR_ENDS_WITH: 'suffix',
  STR_CONTAINS: 'contains',
};
const NUMBERS: Readonly<Record<string, 'equals' | 'lt' | 'le' | 'gt' | 'ge'>> = {
  NUM_EQ: 'equals',
  NUM_LT: 'lt',
  NUM_LTE: 'le',
  NUM_GT: 'gt',
  NUM_GTE: 'ge',
};
const VERSIONS: Readonly<Record<string, keyof WrittenVersions>> = {
  SEMVER_EQ: 'equals',
  SEMVER_LT: 'lt',
  SEMVER_LTE: 'le',
  SEMVER_GT: 'gt',
  SEMVER_GTE: 'ge',
};
const MOMENTS: Readonly<Record<string, 'before' | 'after'>> = { DATE_BEFORE: 'before', DATE_AFTER: 'after' };

/** The attribute that a field of Unleash's context is here. */
export function attributeOf(field: string): string {
  return Object.hasOwn(ATTRIBUTES, field) ? ATTRIBUTES[field]! : field;
}

/** A constraint as a question; undefined, with a note, when it cannot be asked here. */
export function constraintExpression(constraint: JsonRecord, at: string, report: FlagReport): Expression | undefined {
  const field = textIn(constraint.contextName);
  const operator = textIn(constraint.operator) ?? '';
  if (field === undefined || field === '') {
    report.lost(at, 'the constraint names no field of the context; the strategy is left out');
    return undefined;
  }
  if (Object.hasOwn(NUMBERS, operator)) {
    report.changed(at, `${shortText(field)} is a text there that is read as a number; here it must come as a number`);
  }
  const asked = asks(operator, attributeOf(field), constraint, (message) => report.lost(at, message));
  if (typeof asked === 'string') {
    report.lost(at, `${asked}; the strategy is left out`);
    return undefined;
  }
  return constraint.inverted === true ? not(asked) : asked;
}

/** The question, or what is wrong with it. */
function asks(
  operator: string,
  attribute: string,
  constraint: JsonRecord,
  lost: (message: string) => void,
): Expression | string {
  const values = textsIn(constraint.values);
  const value = textIn(constraint.value) ?? '';
  const anyCase = constraint.caseInsensitive === true;
  const known = <Word>(words: Readonly<Record<string, Word>>): Word | undefined =>
    Object.hasOwn(words, operator) ? words[operator] : undefined;
  if (operator === 'IN' || operator === 'NOT_IN') {
    const listed = membership(attribute, values, anyCase);
    return operator === 'IN' ? listed : not(listed);
  }
  const place = known(TEXTS);
  if (place !== undefined) return textQuestion(attribute, place, values, anyCase);
  const order = known(NUMBERS);
  if (order !== undefined) {
    const number = Number(value);
    if (value.trim() === '' || !Number.isFinite(number)) return `${shortText(value)} is no number`;
    return atom({ attribute, [order]: number });
  }
  const precedence = known(VERSIONS);
  if (precedence !== undefined) {
    if (parseVersion(value) === undefined) return `${shortText(value)} is no semantic version`;
    return atom({ attribute, semver: { [precedence]: value } });
  }
  const side = known(MOMENTS);
  if (side !== undefined) {
    const ms = parseMoment(value);
    if (ms === undefined) return `${shortText(value)} is no moment with an offset from UTC`;
    if (attribute === CLOCK)
      return 'the time decides about one of several strategies, and here a flag has one schedule for all of it';
    return atom({ attribute, [side]: new Date(ms).toISOString() });
  }
  if (operator === 'REGEX') {
    const source = anyCase ? `(?i)${value}` : value;
    if (source.length > PATTERN_MAX || !isExpression(source)) return `${shortText(value)} is no expression of RE2`;
    return atom({ attribute, matches: source });
  }
  if (operator === 'IN_CIDR') {
    const networks = values.filter((network) => parseRange(network) !== undefined);
    for (const value of values) if (!networks.includes(value)) lost(`${shortText(value)} is no network`);
    return networks.length === 0 ? NEVER : atom({ attribute, cidr: networks });
  }
  return `the operator ${shortText(operator)} is not known here`;
}

function membership(attribute: string, values: readonly string[], anyCase: boolean): Expression {
  if (values.length === 0) return NEVER;
  return anyCase ? patterns(attribute, values, (any) => `(?i)^(?:${any})$`) : atom({ attribute, in: values });
}

function textQuestion(
  attribute: string,
  place: 'prefix' | 'suffix' | 'contains',
  values: readonly string[],
  anyCase: boolean,
): Expression {
  const [first] = values;
  if (first === undefined) return NEVER;
  if (values.length === 1 && !anyCase && first !== '') return atom({ attribute, [place]: first });
  const [before, after] = { prefix: ['^', ''], suffix: ['', '$'], contains: ['', ''] }[place] as [string, string];
  return patterns(attribute, values, (any) => `${anyCase ? '(?i)' : ''}${before}(?:${any})${after}`);
}

/** Texts as alternatives of one expression, or of several where one would be too long. */
function patterns(attribute: string, values: readonly string[], pattern: (any: string) => string): Expression {
  const groups: string[][] = [[]];
  let length = 0;
  for (const value of values) {
    const escaped = value.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&');
    if (length + escaped.length > PATTERN_MAX - 50 && length > 0) {
      groups.push([]);
      length = 0;
    }
    groups.at(-1)!.push(escaped);
    length += escaped.length + 1;
  }
  return or(...groups.map((group) => atom({ attribute, matches: pattern(group.join('|')) })));
}
