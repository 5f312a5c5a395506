/**
 * Rules that change the fields of a head on its way: set, add, remove.
 *
 * They work on the lines that are passed on unchanged, and on nothing else. Fields that the engine writes itself (framing,
 * connection, forwarding) are not among those lines, and config refuses rules that name them, so no rule can change how a
 * message is framed. All lines that a rule writes are one text that is made once.
 */
import { linesWithout } from './field-lines.ts';

/** A field as a rule writes it: the name as it is to be sent, and a value without control characters. */
export interface RuleField {
  readonly name: string;
  readonly value: string;
}

/** The rules of one direction, made ready for many heads. */
export class HeaderRules {
  readonly #dropped: ReadonlySet<string>;
  readonly #lines: string;

  /** `set` and `remove` drop what there is of their names in any case, then `set` and `add` write their fields. */
  constructor(rules: {
    readonly set: readonly RuleField[];
    readonly add: readonly RuleField[];
    readonly remove: readonly string[];
  }) {
    const dropped = [...rules.set.map((field) => field.name), ...rules.remove];
    this.#dropped = new Set(dropped.map((name) => name.toLowerCase()));
    this.#lines = [...rules.set, ...rules.add].map(({ name, value }) => `${name}: ${value}\r\n`).join('');
  }

  /** The lines (each with its CRLF) as the rules have them. */
  apply(lines: string): string {
    return this.drop(lines) + this.#lines;
  }

  /** The lines without those that the rules replace or remove: what is left of trailers. */
  drop(lines: string): string {
    return this.#dropped.size === 0 ? lines : linesWithout(lines, this.#dropped);
  }
}
