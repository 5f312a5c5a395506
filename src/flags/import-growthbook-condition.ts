/**
 * Conditions of GrowthBook, which are written as queries of MongoDB, as questions of ours (see `import-expression.ts`).
 *
 * What is not there is compared as 0 there, and differs from everything; both are kept. A text is compared with a text only, here, and
 * a list fits when one of its elements does.
 */
import { isExpression } from './condition-test.ts';
import type { WrittenCondition, WrittenVersions } from './definition.ts';
import { ALWAYS, and, atom, type Expression, NEVER, not, or, orderFromZero } from './import-expression.ts';
import { type FlagReport, type JsonRecord, listIn, ownIn, recordIn, shortText } from './import-report.ts';
import { parseMoment } from './moment.ts';
import { parseVersion } from './semantic-version.ts';

type Scalar = string | number | boolean;

const DEPTH_MAX = 20;
const ORDERS: Readonly<Record<string, 'lt' | 'le' | 'gt' | 'ge'>> = { $lt: 'lt', $lte: 'le', $gt: 'gt', $gte: 'ge' };
const VERSIONS: Readonly<Record<string, keyof WrittenVersions>> = {
  $veq: 'equals',
  $vlt: 'lt',
  $vlte: 'le',
  $vgt: 'gt',
  $vgte: 'ge',
};
const AMONG_ELEMENTS = ['$eq', '$in', '$regex', '$lt', '$lte', '$gt', '$gte'];

/** What a field of GrowthBook's attributes is here. */
export function attributeOf(field: string): string {
  return field === 'id' ? 'targetingKey' : field;
}

/** Reads conditions of one document; `groups` are its saved groups. */
export class GrowthbookConditions {
  readonly #groups: JsonRecord;
  readonly #report: FlagReport;

  constructor(groups: JsonRecord, report: FlagReport) {
    this.#groups = groups;
    this.#report = report;
  }

  /** A condition as a question; undefined, with a note, when it cannot be asked here. */
  read(condition: unknown, at: string): Expression | undefined {
    if (condition === undefined) return ALWAYS;
    return this.#query(condition, at, 0);
  }

  #query(condition: unknown, at: string, depth: number): Expression | undefined {
    const query = recordIn(condition);
    if (query === undefined || depth > DEPTH_MAX) return this.#lost(at, `${shortText(condition)} is no condition`);
    const asked = Object.entries(query).map(([key, value]) => {
      const where = `${at}.${key}`;
      switch (key) {
        case '$or':
        case '$nor': {
          const parts = this.#each(value, where, depth);
          // Nothing to choose from is taken for true there.
          const any = parts === undefined ? undefined : parts.length === 0 ? ALWAYS : or(...parts);
          return any === undefined || key === '$or' ? any : not(any);
        }
        case '$and': {
          const parts = this.#each(value, where, depth);
          return parts === undefined ? undefined : and(...parts);
        }
        case '$not': {
          const inner = this.#query(value, where, depth + 1);
          return inner === undefined ? undefined : not(inner);
        }
        default:
          return this.#field(key, value, where, depth);
      }
    });
    return asked.includes(undefined) ? undefined : and(...(asked as readonly Expression[]));
  }

  #each(value: unknown, at: string, depth: number): readonly Expression[] | undefined {
    const parts = listIn(value).map((inner, index) => this.#query(inner, `${at}[${index}]`, depth + 1));
    return parts.includes(undefined) ? undefined : (parts as readonly Expression[]);
  }

  #field(field: string, wanted: unknown, at: string, depth: number): Expression | undefined {
    if (field === '' || field.startsWith('$')) return this.#lost(at, `${shortText(field)} is no field`);
    const attribute = attributeOf(field);
    if (field.includes('.'))
      this.#report.changed(at, `${field} is looked for under this name, and not inside of a mapping`);
    const operators = recordIn(wanted);
    if (operators === undefined) return this.#equal(attribute, wanted, at);
    const keys = Object.keys(operators);
    if (keys.length === 0 || !keys.every((key) => key.startsWith('$'))) {
      return this.#lost(at, 'a mapping as a whole cannot be compared');
    }
    return this.#operators(attribute, operators, at, depth);
  }

  #operators(attribute: string, operators: JsonRecord, at: string, depth: number): Expression | undefined {
    if (depth > DEPTH_MAX) return this.#lost(at, 'it is nested too deeply');
    const asked = Object.entries(operators).map(([operator, value]) =>
      this.#operator(attribute, operator, value, `${at}.${operator}`, depth),
    );
    return asked.includes(undefined) ? undefined : and(...(asked as readonly Expression[]));
  }

  #operator(attribute: string, operator: string, value: unknown, at: string, depth: number): Expression | undefined {
    if (Object.hasOwn(ORDERS, operator)) return this.#order(attribute, operator, value, at);
    if (Object.hasOwn(VERSIONS, operator)) return this.#version(attribute, VERSIONS[operator]!, value, at);
    switch (operator) {
      case '$eq':
        return this.#equal(attribute, value, at);
      case '$ne':
        return negated(this.#equal(attribute, value, at));
      case '$vne':
        return negated(this.#version(attribute, 'equals', value, at));
      case '$in':
        return Array.isArray(value) ? this.#member(attribute, value, at) : NEVER;
      case '$nin':
        return Array.isArray(value) ? negated(this.#member(attribute, value, at)) : NEVER;
      case '$all': {
        const all = listIn(value).map((element) => this.#equal(attribute, element, at));
        return all.includes(undefined) ? undefined : and(...(all as readonly Expression[]));
      }
      case '$inGroup':
        return this.#group(attribute, value, at);
      case '$notInGroup':
        return negated(this.#group(attribute, value, at));
      case '$exists': {
        const there = atom({ attribute, exists: true });
        return value === false ? not(there) : there;
      }
      case '$regex':
        return typeof value === 'string' && value !== '' && isExpression(value)
          ? atom({ attribute, matches: value })
          : this.#lost(at, `${shortText(value)} is no expression of RE2`);
      case '$not': {
        const inner = recordIn(value);
        return inner === undefined
          ? negated(this.#equal(attribute, value, at))
          : negated(this.#operators(attribute, inner, at, depth + 1));
      }
      case '$elemMatch':
        return this.#element(attribute, recordIn(value) ?? {}, at, depth);
      default:
        return this.#lost(at, `the operator ${shortText(operator)} is not known here`);
    }
  }

  #equal(attribute: string, value: unknown, at: string): Expression | undefined {
    if (value === null) return not(atom({ attribute, exists: true }));
    return isScalar(value)
      ? atom({ attribute, equals: value })
      : this.#lost(at, 'a list as a whole cannot be compared');
  }

  #member(attribute: string, values: readonly unknown[], at: string): Expression | undefined {
    if (!values.every(isScalar)) return this.#lost(at, 'there is something else than texts and numbers in the list');
    return values.length === 0 ? NEVER : atom({ attribute, in: values });
  }

  #group(attribute: string, id: unknown, at: string): Expression | undefined {
    const members = typeof id === 'string' ? ownIn(this.#groups, id) : undefined;
    return Array.isArray(members)
      ? this.#member(attribute, members, at)
      : this.#lost(at, `the saved group ${shortText(id)} is not in the document`);
  }

  #order(attribute: string, operator: string, value: unknown, at: string): Expression | undefined {
    const order = ORDERS[operator]!;
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    if (typeof number === 'number' && Number.isFinite(number)) return orderFromZero(attribute, order, number);
    const ms = typeof value === 'string' ? parseMoment(value) : undefined;
    if (ms === undefined)
      return this.#lost(at, `${shortText(value)} is no number and no moment: texts have no order here`);
    const moment = new Date(ms).toISOString();
    const side = (of: WrittenCondition, missing: boolean): Expression => ({ kind: 'atom', condition: of, missing });
    switch (order) {
      case 'lt':
        return side({ attribute, before: moment }, false);
      case 'gt':
        return side({ attribute, after: moment }, false);
      // What is not there is on neither side.
      case 'le':
        return not(side({ attribute, after: moment }, true));
      case 'ge':
        return not(side({ attribute, before: moment }, true));
    }
  }

  #version(attribute: string, order: keyof WrittenVersions, value: unknown, at: string): Expression | undefined {
    return typeof value === 'string' && parseVersion(value) !== undefined
      ? atom({ attribute, semver: { [order]: value } })
      : this.#lost(at, `${shortText(value)} is no semantic version`);
  }

  #element(attribute: string, operators: JsonRecord, at: string, depth: number): Expression | undefined {
    const [operator, ...others] = Object.keys(operators);
    if (operator === undefined || others.length > 0 || !AMONG_ELEMENTS.includes(operator)) {
      return this.#lost(at, 'of an element only one thing can be asked here, and not that it is none');
    }
    const asked = this.#operator(attribute, operator, operators[operator], at, depth + 1);
    return asked?.kind === 'atom' ? { ...asked, missing: false } : asked;
  }

  #lost(at: string, message: string): undefined {
    this.#report.lost(at, `${message}; the rule is left out`);
    return undefined;
  }
}

function negated(expression: Expression | undefined): Expression | undefined {
  return expression === undefined ? undefined : not(expression);
}

function isScalar(value: unknown): value is Scalar {
  return (
    typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
  );
}
