/**
 * The body of a question over OFREP, as the context that flags are evaluated in.
 *
 * No body, no `context` and no `targetingKey` are all fine: they fail only where a flag must put the key into a bucket. An empty
 * targeting key counts as none, because clients send it before they know who asks, and all those would share one bucket.
 * What a rule makes of an attribute of another type is the rule's business; here only what cannot be a context at all is refused.
 *
 * Names come from clients, so attributes are asked for as own members only: `constructor` is an attribute like any other.
 */
import { isUtf8 } from 'node:buffer';
import type { EvaluationContext } from '../flags/flag.ts';
import { badQuestion, type OfrepFault } from './ofrep-fault.ts';

/** The bounds of a context; `bodyBytes` is kept by whoever reads the body. */
export interface ContextLimits {
  readonly bodyBytes: number;
  /** Values, those inside of objects and lists counted. */
  readonly attributes: number;
  /** Objects and lists in each other; the context itself is the first. */
  readonly depth: number;
}

type Members = Readonly<Record<string, unknown>>;

/** What is known of whoever asks. */
export class OfrepContext implements EvaluationContext {
  readonly key: string | undefined;
  readonly #members: Members;

  constructor(members: Members) {
    this.#members = members;
    const key = this.attribute('targetingKey');
    this.key = typeof key === 'string' && key !== '' ? key : undefined;
  }

  attribute(name: string): unknown {
    return Object.hasOwn(this.#members, name) ? this.#members[name] : undefined;
  }

  /** The same text for contexts that say the same, in whatever order their members stand. */
  canonical(): string {
    return canonicalJson(this.#members);
  }
}

const EMPTY = new OfrepContext({});

/** Reads the body of a question; a fault when it is none. */
export function readContext(body: Buffer, limits: ContextLimits): OfrepContext | OfrepFault {
  if (body.length === 0) return EMPTY;
  if (!isUtf8(body)) return badQuestion('json', 'PARSE_ERROR', 'The body is not valid UTF-8.');
  let question: unknown;
  try {
    question = JSON.parse(body.toString('utf8'));
  } catch {
    return badQuestion('json', 'PARSE_ERROR', 'The body is not valid JSON.');
  }
  if (!isObject(question)) {
    return badQuestion(
      'json',
      'PARSE_ERROR',
      'The body must be an object such as {"context":{"targetingKey":"alice"}}.',
    );
  }
  const context = Object.hasOwn(question, 'context') ? question.context : undefined;
  if (context === undefined || context === null) return EMPTY;
  if (!isObject(context)) return badQuestion('context', 'INVALID_CONTEXT', 'The context must be an object.');
  const key = Object.hasOwn(context, 'targetingKey') ? context.targetingKey : undefined;
  if (key !== undefined && key !== null && typeof key !== 'string') {
    return badQuestion('context', 'INVALID_CONTEXT', 'The targetingKey must be a text.');
  }
  const tooMuch = excessOf(context, limits);
  return tooMuch === null ? new OfrepContext(context) : badQuestion('context', 'INVALID_CONTEXT', tooMuch);
}

/** What is too much about a context; null when nothing is. */
function excessOf(context: Members, { attributes, depth }: ContextLimits): string | null {
  const inside: { readonly value: object; readonly level: number }[] = [{ value: context, level: 1 }];
  let count = 0;
  for (let part = inside.pop(); part !== undefined; part = inside.pop()) {
    if (part.level > depth) return `The context is more than ${depth} levels deep.`;
    const values = Object.values(part.value);
    count += values.length;
    if (count > attributes) return `The context has more than ${attributes} values.`;
    for (const value of values) {
      if (typeof value === 'object' && value !== null) inside.push({ value, level: part.level + 1 });
    }
  }
  return null;
}

/** To be called for what has a bounded depth only. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name])}`).join(',')}}`;
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
