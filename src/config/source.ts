/**
 * The text of a config as data, with the place that every value came from.
 *
 * The nodes of the YAML document are walked here and not by the library's own conversion, since this walk keeps a
 * position for each path, puts the environment in scalar by scalar, refuses what a config has no use for (several
 * documents, keys that are not texts, `__proto__`), and stops aliases that multiply. Messages of the YAML library are
 * replaced by our own, because some of them quote the text, and the text may be a secret.
 */

import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseAllDocuments,
  type Scalar,
} from 'yaml';
import { type Environment, indexOfMask, mask, resolvePlain, substitute, unmask } from './environment.ts';
import { type Finding, formatPath, type Path, type Problem } from './problem.ts';
import { redact, redactUnread, type Span } from './redact.ts';
import { yamlMessage } from './yaml-message.ts';

type Entry = {
  readonly key: Span | undefined;
  readonly value: Span;
  readonly scalar: boolean;
  readonly fromEnvironment: boolean;
};

const CHARACTERS_MAX = 8 * 1024 * 1024;
const SYNTAX_ERRORS_MAX = 20;
const DEPTH_MAX = 32;
const NODES_BY_ALIAS_MAX = 20_000;
const SECRET_KEY = /^(?:.*[-_])?(?:token|secret|password)$/i;

/** The text of one config, read as YAML; `data` is `undefined` when it cannot be. */
export class Source {
  readonly file: string;
  readonly text: string;
  readonly problems: Problem[] = [];
  data: unknown;
  readonly #env: Environment;
  readonly #lines = new LineCounter();
  readonly #entries = new Map<string, Entry>();
  readonly #anchors = new Map<string, Node>();
  readonly #secrets = new Set<string>();
  readonly #unknown = new Set<string>();
  #byAlias = 0;
  #aliasDepth = 0;

  constructor(text: string, file: string, env: Environment) {
    this.file = file;
    this.text = text.startsWith('\ufeff') ? text.slice(1) : text;
    this.#env = env;
    this.data = this.#read();
  }

  /** Whether the text has something at this path. */
  has(path: Path): boolean {
    return this.#entries.has(keyOf(path));
  }

  /** The line of a path, from one. */
  lineOf(path: Path): number {
    return this.#place(this.#offset(path, true)).line;
  }

  /** Whether the value at a path must not be shown: a secret, or from the environment. */
  hidden(path: Path): boolean {
    return isSecret(path) || this.#entries.get(keyOf(path))?.fromEnvironment === true;
  }

  /** Whether the value at a path came, in part at least, from the environment. */
  fromEnvironment(path: Path): boolean {
    return this.#entries.get(keyOf(path))?.fromEnvironment === true;
  }

  /** Notes that nobody knows the key at this path; its value is not shown, since it may be a misspelt secret. */
  unknownAt(path: Path): void {
    this.#unknown.add(keyOf(path));
  }

  /** Adds a problem at a path, or at what surrounds it when the text has nothing there. */
  report(finding: Finding): void {
    const { line, column } = this.#place(this.#offset(finding.path, finding.atKey === true));
    this.problems.push({
      file: this.file,
      line,
      column,
      path: formatPath(finding.path),
      message: finding.message,
      ...(finding.value === undefined ? {} : { value: finding.value }),
      ...(finding.allowed === undefined ? {} : { allowed: finding.allowed }),
      ...(finding.suggestion === undefined ? {} : { suggestion: finding.suggestion }),
      severity: finding.severity ?? 'error',
    });
  }

  /** The text with `***` for every secret, every value from the environment and every value of an unknown key. */
  redacted(): string {
    if (this.data === undefined) return redactUnread(this.text);
    const spans: Span[] = [];
    for (const [key, entry] of this.#entries) {
      const path = pathOf(key);
      if (entry.scalar && (entry.fromEnvironment || isSecret(path) || this.#isUnknown(path))) spans.push(entry.value);
    }
    return redact(this.text, spans, this.#secrets);
  }

  #read(): unknown {
    const unfit = unfitness(this.text);
    if (unfit !== undefined) {
      this.#lines.addNewLine(0);
      for (let index = this.text.indexOf('\n'); index !== -1; index = this.text.indexOf('\n', index + 1)) {
        this.#lines.addNewLine(index + 1);
      }
      this.#reportAt(unfit.offset, unfit.message);
      return undefined;
    }
    try {
      return this.#readYaml();
    } catch {
      // The library descends by recursion; text that is nested some thousand levels deep exhausts the stack.
      this.#reportAt(0, 'cannot be read as YAML: it is nested too deeply');
      return undefined;
    }
  }

  #readYaml(): unknown {
    const documents = parseAllDocuments<ParsedNode>(mask(this.text), {
      lineCounter: this.#lines,
      prettyErrors: false,
      uniqueKeys: false,
      version: '1.2',
      logLevel: 'silent',
    });
    const [first, second] = Array.isArray(documents) ? documents : [];
    // One mistake often makes a row of errors at the same place; the first one tells it best.
    const objections = [...(first?.errors ?? []), ...(first?.warnings ?? [])];
    for (const [index, error] of objections.slice(0, SYNTAX_ERRORS_MAX).entries()) {
      if (error.pos[0] !== objections[index - 1]?.pos[0]) this.#reportAt(error.pos[0], yamlMessage(error.code));
    }
    if (first === undefined || (first.errors.length === 0 && isNothing(first.contents))) {
      this.#reportAt(0, 'the file is empty');
      return undefined;
    }
    if (second !== undefined)
      this.#reportAt(second.range[0], 'a second YAML document begins here; a config is one document');
    if (this.problems.length > 0) return undefined;
    const data = this.#value(first.contents, [], undefined);
    if (typeof data !== 'object' || Array.isArray(data)) {
      this.report({
        path: [],
        message: 'is not a mapping',
        allowed: 'keys with values, such as listeners, services and routes',
      });
      return undefined;
    }
    return data;
  }

  #value(node: Node | null, path: Path, key: Span | undefined): unknown {
    if (node === null) return this.#note(path, key, undefined, false, null);
    if (path.length > DEPTH_MAX) return this.#refuse(node, 'is nested too deeply', path, key);
    if (this.#aliasDepth > 0) {
      this.#byAlias += 1;
      if (this.#byAlias === NODES_BY_ALIAS_MAX)
        this.#reportAt(spanOf(node).start, 'aliases multiply it to too many values');
      if (this.#byAlias >= NODES_BY_ALIAS_MAX) return null;
    }
    if (isAlias(node)) return this.#alias(node, path, key);
    if ('anchor' in node && typeof node.anchor === 'string') this.#anchors.set(node.anchor, node);
    if (isScalar(node)) return this.#scalar(node, path, key);
    this.#note(path, key, node, false, null);
    if (isSeq(node))
      return node.items.map((item, index) => this.#value(item as Node | null, [...path, index], undefined));
    if (isMap(node)) return this.#mapping(node.items as readonly { key: unknown; value: unknown }[], path, node);
    return this.#refuse(node, 'is no value that a config can have', path, key);
  }

  #alias(node: Node & { readonly source: string }, path: Path, key: Span | undefined): unknown {
    const target = this.#anchors.get(node.source);
    if (target === undefined) return this.#refuse(node, 'names an anchor that is not set before it', path, key);
    if (this.#aliasDepth > DEPTH_MAX) return this.#refuse(node, 'is an alias that contains itself', path, key);
    this.#aliasDepth += 1;
    const value = this.#value(target, path, key);
    this.#aliasDepth -= 1;
    return value;
  }

  #mapping(items: readonly { key: unknown; value: unknown }[], path: Path, node: Node): unknown {
    const data: Record<string, unknown> = Object.create(null);
    for (const { key, value } of items) {
      if (!isScalar(key) || key.value === null) {
        this.#reportAt(spanOf((key as Node | null) ?? node).start, 'has a key that is not a text', path);
        continue;
      }
      const name = unmask(typeof key.value === 'string' ? key.value : (key.source ?? String(key.value)));
      const below = [...path, name];
      const span = spanOf(key);
      if (name === '__proto__') this.#reportAt(span.start, 'is not allowed as a key', below);
      else if (name in data) this.#reportAt(span.start, `is there twice, first on line ${this.lineOf(below)}`, below);
      else {
        const read = this.#value(value as Node | null, below, span);
        if (read !== undefined) data[name] = read;
      }
    }
    return data;
  }

  #scalar(node: Scalar, path: Path, key: Span | undefined): unknown {
    if (typeof node.value !== 'string') return this.#note(path, key, node, false, node.value);
    const written = unmask(node.value);
    const { text, fromEnvironment, missing } = substitute(written, this.#env);
    this.#note(path, key, node, fromEnvironment, null);
    for (const name of missing) {
      const allowed = `a variable that is set, or \${${name}:-default}`;
      this.report({ path, message: `the environment has no variable ${name}`, allowed });
    }
    if (!fromEnvironment && /(?<!\$)\$\{/.test(written)) {
      const allowed = `\${NAME} or \${NAME:-default}; $\${ is a literal \${`;
      this.report({ path, message: 'has a ${ that is no reference to the environment', allowed });
    }
    const plain = fromEnvironment && node.type === 'PLAIN';
    if (isSecret(path) && text.length >= 4) this.#secrets.add(text);
    if (missing.length > 0) return undefined;
    return plain && !isSecret(path) ? resolvePlain(text) : text;
  }

  #note(path: Path, key: Span | undefined, node: Node | undefined, fromEnvironment: boolean, value: unknown): unknown {
    const span = node === undefined ? { start: key?.end ?? 0, end: key?.end ?? 0 } : spanOf(node);
    this.#entries.set(keyOf(path), { key, value: span, scalar: isScalar(node) || isAlias(node), fromEnvironment });
    if (isSecret(path) && typeof value === 'number') this.#secrets.add(String(value));
    return value;
  }

  #refuse(node: Node, message: string, path: Path, key: Span | undefined): undefined {
    this.#note(path, key, node, false, null);
    this.#reportAt(spanOf(node).start, message, path);
    return undefined;
  }

  #reportAt(offset: number, message: string, path: Path = []): void {
    const { line, column } = this.#place(offset);
    this.problems.push({ file: this.file, line, column, path: formatPath(path), message, severity: 'error' });
  }

  #offset(path: Path, atKey: boolean): number {
    for (let length = path.length; length >= 0; length -= 1) {
      const entry = this.#entries.get(keyOf(path.slice(0, length)));
      if (entry === undefined) continue;
      // What is missing is reported at the key of the mapping that lacks it.
      const key = atKey || length < path.length ? entry.key : undefined;
      return (key ?? entry.value).start;
    }
    return 0;
  }

  #place(offset: number): { readonly line: number; readonly column: number } {
    const { line, col } = this.#lines.linePos(Math.min(offset, this.text.length));
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  #isUnknown(path: Path): boolean {
    if (this.#unknown.size === 0) return false;
    return path.some((_, index) => this.#unknown.has(keyOf(path.slice(0, index + 1))));
  }
}

function unfitness(text: string): { readonly offset: number; readonly message: string } | undefined {
  if (text.length > CHARACTERS_MAX) return { offset: 0, message: `is longer than ${CHARACTERS_MAX} characters` };
  const replaced = text.indexOf('\ufffd');
  if (replaced !== -1) return { offset: replaced, message: 'is not UTF-8 text' };
  const control = text.search(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/);
  if (control !== -1) return { offset: control, message: 'has a control character' };
  const noncharacter = indexOfMask(text);
  return noncharacter === -1 ? undefined : { offset: noncharacter, message: 'has a noncharacter of Unicode' };
}

function isNothing(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null);
}

function isSecret(path: Path): boolean {
  return path.some((part) => typeof part === 'string' && SECRET_KEY.test(part)) || isWebhookUrl(path);
}

/** Whoever knows the URL of a chat's webhook may write there. */
function isWebhookUrl(path: Path): boolean {
  return (
    path.at(-1) === 'url' && (path.at(-2) === 'confirm' || path.at(-2) === 'webhook' || path.at(-3) === 'webhooks')
  );
}

function spanOf(node: Node): Span {
  return { start: node.range?.[0] ?? 0, end: node.range?.[1] ?? 0 };
}

function keyOf(path: Path): string {
  return JSON.stringify(path);
}

function pathOf(key: string): Path {
  return JSON.parse(key) as Path;
}
