/**
 * Conditions of flagd, which are JSON Logic with a few operators of its own, as questions of ours (see `import-expression.ts`).
 *
 * A condition is one thing about one variable, or several of them with and, or and not. What JSON Logic can beyond that (arithmetic, loops,
 * comparing two variables) has no counterpart. Its `==` compares a text with a number by value; here types count.
 */
import type { WrittenVersions } from './definition.ts';
import { ALWAYS, and, atom, type Expression, NEVER, not, or, orderFromZero } from './import-expression.ts';
import { type FlagReport, type JsonRecord, ownIn, recordIn, shortText } from './import-report.ts';
import { parseVersion } from './semantic-version.ts';

type Scalar = string | number | boolean;

const DEPTH_MAX = 20;
const ORDERS: Readonly<Record<string, 'lt' | 'le' | 'gt' | 'ge'>> = { '<': 'lt', '<=': 'le', '>': 'gt', '>=': 'ge' };
const FLIPPED = { lt: 'gt', le: 'ge', gt: 'lt', ge: 'le' } as const;
const VERSIONS: Readonly<Record<string, keyof WrittenVersions>> = {
  '=': 'equals',
  '<': 'lt',
  '<=': 'le',
  '>': 'gt',
  '>=': 'ge',
};

/** What stands in an operator's place: its name and its arguments; undefined for anything else. */
export function operationIn(node: unknown): { readonly name: string; readonly args: readonly unknown[] } | undefined {
  const [entry, ...others] = Object.entries(recordIn(node) ?? {});
  if (entry === undefined || others.length > 0) return undefined;
  const [name, args] = entry;
  return { name, args: Array.isArray(args) ? args : [args] };
}

/** The name of the variable that is looked up; undefined where something else is. */
export function variableIn(node: unknown): string | undefined {
  const operation = operationIn(node);
  if (operation?.name !== 'var') return undefined;
  const [name, fallback] = operation.args;
  return typeof name === 'string' && name !== '' && (fallback ?? null) === null ? name : undefined;
}

/** Reads the conditions of one flag; `shared` are the document's evaluators. */
export class FlagdConditions {
  readonly #shared: JsonRecord;
  readonly #report: FlagReport;

  constructor(shared: JsonRecord, report: FlagReport) {
    this.#shared = shared;
    this.#report = report;
  }

  /** What a reference stands for; the node itself where it is none, and undefined where there is nothing of that name. */
  resolve(node: unknown): unknown {
    const reference = recordIn(node)?.$ref;
    return typeof reference === 'string' ? ownIn(this.#shared, reference) : node;
  }

  /** A condition as a question; a text says why it cannot be asked. */
  read(condition: unknown, at: string, depth = 0): Expression | string {
    const node = this.resolve(condition);
    if (depth > DEPTH_MAX) return 'it is nested too deeply';
    if (node === undefined) return `${shortText(condition)} is not in the document`;
    if (typeof node === 'boolean') return node ? ALWAYS : NEVER;
    const operation = operationIn(node);
    if (operation === undefined) return `${shortText(node)} is no condition`;
    const { name, args } = operation;
    const inner = (): readonly Expression[] | string => {
      const all = args.map((arg) => this.read(arg, at, depth + 1));
      return all.find((one) => typeof one === 'string') ?? (all as readonly Expression[]);
    };
    switch (name) {
      case 'and':
      case 'or':
        return combined(inner(), (all) => (name === 'and' ? and(...all) : or(...all)));
      case '!':
        return combined(inner(), ([only]) => not(only ?? NEVER));
      case '!!':
        return combined(inner(), ([only]) => only ?? NEVER);
      case 'if':
        if (args.length !== 3) return 'an if within a condition needs both sides';
        return combined(inner(), ([test, then, other]) => or(and(test!, then!), and(not(test!), other!)));
      case 'var': {
        const variable = this.#attribute(node, at);
        if (variable === undefined) return `${shortText(node)} cannot be looked up here`;
        // True there is everything but false, 0 and the empty text.
        return and(atom({ attribute: variable, exists: true }), not(atom({ attribute: variable, in: [false, 0, ''] })));
      }
      default:
        return this.#comparison(name, args, at);
    }
  }

  #comparison(name: string, args: readonly unknown[], at: string): Expression | string {
    if (name === '==' || name === '===') return this.#equal(args, name, at);
    if (name === '!=' || name === '!==') return combined(this.#equal(args, name, at), not);
    if (name === 'in') return this.#member(args, at);
    if (name === 'sem_ver') return this.#version(args, at);
    if (name === 'starts_with' || name === 'ends_with') {
      const variable = this.#attribute(args[0], at);
      const text = args[1];
      if (variable === undefined || typeof text !== 'string' || args.length !== 2)
        return `${name} wants a variable and a text`;
      if (text === '') return atom({ attribute: variable, exists: true });
      return atom({ attribute: variable, [name === 'starts_with' ? 'prefix' : 'suffix']: text });
    }
    if (Object.hasOwn(ORDERS, name)) return this.#order(ORDERS[name]!, args, at);
    return `the operator ${shortText(name)} has no counterpart`;
  }

  #equal(args: readonly unknown[], name: string, at: string): Expression | string {
    const [left, right] = args;
    const [node, value] = variableIn(left) === undefined ? [right, left] : [left, right];
    const variable = this.#attribute(node, at);
    if (variable === undefined || args.length !== 2) return `${name} wants a variable and a value`;
    if (value === null) return not(atom({ attribute: variable, exists: true }));
    if (!isScalar(value)) return `${shortText(value)} cannot be compared`;
    if (name.length === 2 && typeof value !== 'boolean' && !Number.isNaN(Number(value))) {
      this.#report.changed(
        at,
        `${variable} is compared by value there, and ${JSON.stringify(value)} is a ${typeof value} here`,
      );
    }
    return atom({ attribute: variable, equals: value });
  }

  #member(args: readonly unknown[], at: string): Expression | string {
    const [needle, hay] = args;
    const within = this.#attribute(hay, at);
    if (typeof needle === 'string' && needle !== '' && within !== undefined) {
      return atom({ attribute: within, contains: needle });
    }
    const variable = this.#attribute(needle, at);
    if (variable === undefined || !Array.isArray(hay) || !hay.every(isScalar)) {
      return 'in wants a variable and a list of values, or a text and a variable';
    }
    return hay.length === 0 ? NEVER : atom({ attribute: variable, in: hay });
  }

  #order(order: keyof typeof FLIPPED, args: readonly unknown[], at: string): Expression | string {
    const [first, second, third] = args;
    const asked = (attribute: string | undefined, word: typeof order, number: unknown): Expression | undefined =>
      attribute !== undefined && typeof number === 'number' ? orderFromZero(attribute, word, number) : undefined;
    const between =
      args.length === 3
        ? [asked(this.#attribute(second, at), FLIPPED[order], first), asked(this.#attribute(second, at), order, third)]
        : [
            typeof first === 'number'
              ? asked(this.#attribute(second, at), FLIPPED[order], first)
              : asked(this.#attribute(first, at), order, second),
          ];
    if (args.length < 2 || args.length > 3 || between.includes(undefined))
      return 'an order wants a variable and a number';
    return and(...(between as readonly Expression[]));
  }

  #version(args: readonly unknown[], at: string): Expression | string {
    const [node, operator, text] = args;
    const attribute = this.#attribute(node, at);
    const version = typeof text === 'string' ? parseVersion(text) : undefined;
    if (attribute === undefined || version === undefined || typeof operator !== 'string') {
      return 'sem_ver wants a variable, an operator and a semantic version';
    }
    const asked = (order: keyof WrittenVersions, wanted: string): Expression =>
      atom({ attribute, semver: { [order]: wanted } });
    if (Object.hasOwn(VERSIONS, operator)) return asked(VERSIONS[operator]!, text as string);
    // What is not there is no version, and neither the same nor another one.
    if (operator === '!=') return and(atom({ attribute, exists: true }), not(asked('equals', text as string)));
    const [major, minor] = version.numbers as [string, string, string];
    // From the first pre-release of the range to the first of the next one, since only the numbers are compared there.
    if (operator === '^') return and(asked('ge', `${major}.0.0-0`), asked('lt', `${BigInt(major) + 1n}.0.0-0`));
    if (operator === '~') {
      return and(asked('ge', `${major}.${minor}.0-0`), asked('lt', `${major}.${BigInt(minor) + 1n}.0-0`));
    }
    return `the operator ${shortText(operator)} of sem_ver is not known here`;
  }

  #attribute(node: unknown, at: string): string | undefined {
    const variable = variableIn(node);
    if (variable === undefined || variable.startsWith('$flagd')) return undefined;
    if (variable.includes('.')) {
      this.#report.changed(at, `${variable} is looked for under this name, and not inside of a mapping`);
    }
    return variable;
  }
}

function combined<Read>(read: Read | string, make: (read: Read) => Expression): Expression | string {
  return typeof read === 'string' ? read : make(read);
}

function isScalar(value: unknown): value is Scalar {
  return (
    typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
  );
}
