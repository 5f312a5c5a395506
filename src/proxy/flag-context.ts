/**
 * What flags may know of one request, found when a condition asks for it and not before.
 *
 * One object serves all requests of a thread, one after the other: flags are evaluated in one go, so nothing of a request is kept
 * beyond it and nothing is made for it. Only the key and the claims are remembered while it lasts, since several flags ask
 * for them.
 *
 * Bytes of fields and cookies are read as UTF-8, so that a key is the same key here and over OFREP. Nothing is decoded beyond that but
 * the query: a cookie's value is what its maker wrote.
 */
import type { AttributeSource, ContextPlace, FlagContextSpec } from '../flags/context-spec.ts';
import type { EvaluationContext } from '../flags/flag.ts';
import { normalisePath } from '../http1/path.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { queryValue } from '../routing/query-value.ts';
import type { FlagTallyWriter } from '../stats/flag-tally.ts';
import { type Claims, TokenReader } from './flag-token.ts';
import type { RequestFields } from './vouched-fields.ts';

const DIRECT = /^(header|cookie|query)\.(.+)$/;
const NUMBER = /^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[-+]?[0-9]+)?$/i;

/** The source that an attribute's name says by itself, such as `query.plan`; undefined for any other name. */
export function directSource(name: string): AttributeSource | undefined {
  const [, kind, rest] = DIRECT.exec(name) ?? [];
  if (kind === undefined || rest === undefined) return undefined;
  return {
    kind: kind as 'header' | 'cookie' | 'query',
    name: kind === 'header' ? rest.toLowerCase() : rest,
    as: 'text',
  };
}

export class RequestContext implements EvaluationContext {
  readonly #places: readonly ContextPlace[];
  /** Sources by the names that conditions ask for; the names are of the config, so there are not many. */
  readonly #sources: Map<string, AttributeSource | undefined>;
  readonly #token: TokenReader | null;
  #head: RequestHead | null = null;
  #fields: RequestFields | null = null;
  #client = '';
  #key: string | undefined;
  #isKeyKnown = false;
  #claims: Claims | null | undefined;

  constructor({ key, anonymous, attributes, token }: FlagContextSpec, tally: FlagTallyWriter) {
    this.#places = anonymous === null ? key : [...key, { kind: 'cookie', name: anonymous.cookie }];
    this.#sources = new Map(attributes);
    this.#token = token === null ? null : new TokenReader(token, tally);
  }

  /** Turns to another request, which is of this client; `fields` are its head's, or what is vouched for in their place. */
  begin(head: RequestHead, fields: RequestFields, client: string): void {
    this.#head = head;
    this.#fields = fields;
    this.#client = client;
    this.#isKeyKnown = false;
    this.#claims = undefined;
  }

  get key(): string | undefined {
    if (!this.#isKeyKnown) {
      this.#key = this.#findKey();
      this.#isKeyKnown = true;
    }
    return this.#key;
  }

  /** Lets the request have this key. */
  giveKey(key: string): void {
    this.#key = key;
    this.#isKeyKnown = true;
  }

  attribute(name: string): unknown {
    const head = this.#head!;
    switch (name) {
      case 'method':
        return head.method;
      case 'host':
        return head.host;
      case 'path':
        return normalisePath(head.path)?.path;
      case 'ip':
        return this.#client === '' ? undefined : this.#client;
      case 'targetingKey':
        return this.key;
      default: {
        const source = this.#sourceOf(name);
        if (source === undefined) return undefined;
        const value = this.#read(source);
        return typeof value === 'string' ? typed(value, source) : value;
      }
    }
  }

  #sourceOf(name: string): AttributeSource | undefined {
    const known = this.#sources.get(name);
    if (known !== undefined || this.#sources.has(name)) return known;
    const source = directSource(name);
    this.#sources.set(name, source);
    return source;
  }

  #findKey(): string | undefined {
    for (const place of this.#places) {
      const value = this.#read(place);
      if (typeof value === 'string' && value !== '') return value;
      if (typeof value === 'number') return String(value);
    }
    return undefined;
  }

  #read({ kind, name }: ContextPlace): unknown {
    const fields = this.#fields!;
    switch (kind) {
      case 'header':
        return asUtf8(fields.field(name));
      case 'cookie':
        return asUtf8(fields.cookie(name));
      case 'query':
        return queryValue(this.#head!.query, name);
      case 'jwt': {
        if (this.#claims === undefined) this.#claims = this.#token?.claims(fields) ?? null;
        return this.#claims !== null && Object.hasOwn(this.#claims, name) ? this.#claims[name] : undefined;
      }
      default:
        return kind satisfies never;
    }
  }
}

/** What a text is read as; undefined when it cannot be. A claim that is a text stays one unless the config says otherwise. */
function typed(text: string, { as }: AttributeSource): unknown {
  switch (as) {
    case 'text':
      return text;
    case 'number':
      return NUMBER.test(text) ? Number(text) : undefined;
    case 'boolean':
      return text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : undefined;
    default:
      return as satisfies never;
  }
}

/** Heads are latin1, one character for each byte. */
function asUtf8(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  for (let at = 0; at < text.length; at += 1) {
    if (text.charCodeAt(at) > 0x7f) return Buffer.from(text, 'latin1').toString('utf8');
  }
  return text;
}
