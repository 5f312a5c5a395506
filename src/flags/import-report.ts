/**
 * What comes out of bringing flags from another product: definitions, and an account of everything that is not as it was there.
 *
 * Nothing is dropped in silence. A part that has no counterpart is left out in the direction of "off": a rule with a condition that
 * cannot be asked is left out as a whole, and a flag that would be on for more people than there is not brought over at
 * all. Documents come from outside and may hold anything; whoever reads them here makes notes and never throws.
 */
import type { FlagDefinition } from './definition.ts';

/** A flag that was brought over. */
export interface ImportedFlag {
  readonly name: string;
  readonly definition: FlagDefinition;
}

/** `refused`: the flag was not brought over; `lost`: a part of it was not; `changed`: it was, and is not quite what it was. */
export type NoteKind = 'refused' | 'lost' | 'changed';

/** One thing that is not as it was. */
export interface ImportNote {
  readonly kind: NoteKind;
  /** The flag that it is about; null for all of them. */
  readonly flag: string | null;
  /** Where it is in the document, such as `features[2].strategies[0].constraints[1]`. */
  readonly at: string;
  readonly message: string;
}

/** What was brought over, and what was not. */
export interface Import {
  readonly flags: readonly ImportedFlag[];
  readonly notes: readonly ImportNote[];
}

/** Collects notes; one for the same thing. */
export class ImportReport {
  readonly #notes = new Map<string, ImportNote>();

  note(kind: NoteKind, flag: string | null, at: string, message: string): void {
    this.#notes.set(`${flag} ${at} ${message}`, { kind, flag, at, message });
  }

  /** In the order in which they were made. */
  get notes(): readonly ImportNote[] {
    return [...this.#notes.values()];
  }
}

/** The report on one flag. */
export class FlagReport {
  readonly flag: string;
  readonly #report: ImportReport;

  constructor(report: ImportReport, flag: string) {
    this.#report = report;
    this.flag = flag;
  }

  refused(at: string, message: string): void {
    this.#report.note('refused', this.flag, at, message);
  }

  lost(at: string, message: string): void {
    this.#report.note('lost', this.flag, at, message);
  }

  changed(at: string, message: string): void {
    this.#report.note('changed', this.flag, at, message);
  }
}

const DEPTH_MAX = 200;

/** The document where it is a mapping; undefined, with a note, for everything else and for one that is nested without end. */
export function documentIn(document: unknown, report: ImportReport): JsonRecord | undefined {
  const root = recordIn(document);
  if (root !== undefined && isWithin(root, DEPTH_MAX)) return root;
  report.note(
    'refused',
    null,
    '',
    root === undefined ? 'the document is no mapping' : 'the document is nested too deeply',
  );
  return undefined;
}

/** Walked level by level: whoever walks it by calling itself would need the stack that this is to save. */
function isWithin(root: JsonRecord, depth: number): boolean {
  let level: readonly unknown[] = [root];
  for (let left = depth; level.length > 0; left -= 1) {
    if (left === 0) return false;
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []));
  }
  return true;
}

/** A mapping of JSON. */
export type JsonRecord = Readonly<Record<string, unknown>>;

/** The value where it is a mapping; undefined for everything else. */
export function recordIn(value: unknown): JsonRecord | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonRecord) : undefined;
}

/** The value where it is a list; nothing for everything else. */
export function listIn(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value where it is a text; undefined for everything else. */
export function textIn(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The texts of a list; what is no text is left out. */
export function textsIn(value: unknown): readonly string[] {
  return listIn(value).filter((item) => typeof item === 'string');
}

/** A key of a mapping, if it is its own. */
export function ownIn(record: JsonRecord, key: string): unknown {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** A value as a note shows it: short. */
export function shortText(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** What the API has at the place of a name. */
const RESERVED = 'import';
const FLAG_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$/;

/** Whether a flag may have this name. */
export function isFlagName(name: string): boolean {
  return FLAG_NAME.test(name) && name !== RESERVED;
}
