/**
 * The targeting of flagd: a tree of ifs with variants at its ends, as branches of ours.
 *
 * The tree is walked in the order in which it is asked, so the first branch that holds is the one that it comes to. What cannot be read
 * takes the whole flag with it: without a condition in the middle, those behind it would be asked about other people.
 */
import type { Branch, Outcome } from './import-branches.ts';
import { ALWAYS, and, atom, type Expression } from './import-expression.ts';
import { type FlagdConditions, operationIn, variableIn } from './import-flagd-condition.ts';
import { shortText } from './import-report.ts';

/** How keys are spread over variants. */
export interface FlagdDraw {
  readonly salt: string;
  /** The variable that is drawn by; null for the targeting key. */
  readonly by: string | null;
  /** In the order in which their ranges lie. */
  readonly weights: readonly { readonly variant: string; readonly weight: number }[];
}

/** What a targeting says. */
export interface FlagdTargeting {
  readonly branches: readonly Branch[];
  readonly draw: FlagdDraw | null;
}

const DEPTH_MAX = 20;
const WEIGHTS_MAX = 100_000;

/** Why a targeting cannot be carried over, and where. */
export class Unreadable {
  readonly at: string;
  readonly message: string;

  constructor(at: string, message: string) {
    this.at = at;
    this.message = message;
  }
}

/** Reads the targeting of one flag. */
export class FlagdTargetingReader {
  readonly #flag: string;
  readonly #variants: ReadonlySet<string>;
  readonly #fallback: string;
  readonly #conditions: FlagdConditions;
  readonly #branches: Branch[] = [];
  #draw: FlagdDraw | null = null;

  constructor(flag: string, variants: readonly string[], fallback: string, conditions: FlagdConditions) {
    this.#flag = flag;
    this.#variants = new Set(variants);
    this.#fallback = fallback;
    this.#conditions = conditions;
  }

  read(targeting: unknown, at: string): FlagdTargeting | Unreadable {
    const wrong = this.#walk(targeting, ALWAYS, at, 0);
    return wrong ?? { branches: this.#branches, draw: this.#draw };
  }

  #walk(written: unknown, when: Expression, at: string, depth: number): Unreadable | undefined {
    const node = this.#conditions.resolve(written);
    if (node === undefined) return new Unreadable(at, `${shortText(written)} is not in the document`);
    if (depth > DEPTH_MAX) return new Unreadable(at, 'it is nested too deeply');
    if (node === null) return this.#end(this.#fallback, when, at);
    if (typeof node === 'string' || typeof node === 'boolean') return this.#end(String(node), when, at);
    const operation = operationIn(node);
    if (operation?.name === 'if') return this.#ifs(operation.args, when, `${at}.if`, depth);
    if (operation?.name === 'fractional') return this.#fractional(operation.args, when, `${at}.fractional`);
    // Anything else is a question, whose answer is the name of a variant.
    const asked = this.#conditions.read(node, at);
    if (typeof asked === 'string') return new Unreadable(at, asked);
    const wrong = this.#end('true', and(when, asked), at);
    // What these two ask of an attribute that is not there has no answer, and no answer is the default variant.
    const attribute = operation?.name === 'var' ? variableIn(node) : undefined;
    const asksOf = operation?.name === 'sem_ver' ? variableIn(operation.args[0]) : attribute;
    if (wrong !== undefined || asksOf === undefined) return wrong ?? this.#end('false', when, at);
    const isThere = atom({ attribute: asksOf, exists: true });
    return this.#end('false', and(when, isThere), at) ?? this.#end(this.#fallback, when, at);
  }

  #ifs(args: readonly unknown[], when: Expression, at: string, depth: number): Unreadable | undefined {
    let index = 0;
    for (; index + 1 < args.length; index += 2) {
      const asked = this.#conditions.read(args[index], `${at}[${index}]`);
      if (typeof asked === 'string') return new Unreadable(`${at}[${index}]`, asked);
      const wrong = this.#walk(args[index + 1], and(when, asked), `${at}[${index + 1}]`, depth + 1);
      if (wrong !== undefined) return wrong;
    }
    return this.#walk(index < args.length ? args[index] : null, when, `${at}[${index}]`, depth + 1);
  }

  #end(variant: string, when: Expression, at: string): Unreadable | undefined {
    if (!this.#variants.has(variant)) return new Unreadable(at, `there is no variant ${shortText(variant)}`);
    return this.#add(when, at, variant, { kind: 'all', variant });
  }

  #add(when: Expression, at: string, name: string, outcome: Outcome): undefined {
    this.#branches.push({ name, at, when, outcome });
    return undefined;
  }

  #fractional(args: readonly unknown[], when: Expression, at: string): Unreadable | undefined {
    const hasSource = !Array.isArray(args[0]);
    const source = hasSource ? sourceOf(args[0], this.#flag) : { salt: this.#flag, by: null };
    if (source === undefined) return new Unreadable(`${at}[0]`, `${shortText(args[0])} cannot be drawn by here`);
    const weights: { variant: string; weight: number }[] = [];
    for (const [index, part] of args.slice(hasSource ? 1 : 0).entries()) {
      const [variant, weight = 1] = Array.isArray(part) ? part : [];
      const name = variant === null ? this.#fallback : String(variant);
      const isPart = Number.isInteger(weight) && weight >= 0 && weight <= WEIGHTS_MAX && this.#variants.has(name);
      const isNew = !weights.some((other) => other.variant === name);
      if (!isPart || !isNew)
        return new Unreadable(`${at}[${index}]`, `${shortText(part)} is no part: a variant once, and its weight`);
      weights.push({ variant: name, weight });
    }
    if (weights.every(({ weight }) => weight === 0)) return new Unreadable(at, 'no part has any weight');
    const draw: FlagdDraw = { ...source, weights };
    if (this.#draw !== null && JSON.stringify(this.#draw) !== JSON.stringify(draw)) {
      return new Unreadable(at, 'it draws otherwise than the one before; a flag has one draw here');
    }
    this.#draw = draw;
    return this.#add(when, at, 'fractional', { kind: 'variants', percent: 100 });
  }
}

/** What is hashed: a variable, with texts in front of it or without. */
function sourceOf(node: unknown, flag: string): Pick<FlagdDraw, 'salt' | 'by'> | undefined {
  const operation = operationIn(node);
  const parts = operation?.name === 'cat' ? operation.args : [node];
  const variable = variableIn(parts.at(-1));
  const texts = parts.slice(0, -1).map((part) => (variableIn(part) === '$flagd.flagKey' ? flag : part));
  if (variable === undefined || variable.startsWith('$flagd') || !texts.every((text) => typeof text === 'string')) {
    return undefined;
  }
  return { salt: texts.join(''), by: variable === 'targetingKey' ? null : variable };
}
