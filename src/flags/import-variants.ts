/**
 * Values of another product as variants of ours: each with a name that a variant may have, all of one type.
 */
import type { WrittenVariant } from './definition.ts';
import type { JsonValue } from './flag.ts';
import type { FlagReport } from './import-report.ts';

const VARIANT_NAME = /^(?![0-9]+$)[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;
const WEIGHTS_MAX = 100_000;
const VALUE_BYTES_MAX = 16 * 1024;
const VALUE_DEPTH_MAX = 16;

/** Collects variants in the order of declaration. */
export class VariantTable {
  readonly #report: FlagReport;
  readonly #variants = new Map<string, { value: JsonValue; weight: number }>();

  constructor(report: FlagReport) {
    this.#report = report;
  }

  /** Adds one and gives the name that it has here: the one it had, as far as a variant may be called so. */
  add(at: string, wanted: string, value: JsonValue, weight: number): string {
    const name = this.invent(wanted, value, weight);
    if (name !== wanted) this.#report.changed(at, `the variant ${JSON.stringify(wanted)} is called ${name} here`);
    return name;
  }

  /** Adds one that had no name, by the one that is wanted for it or something like it. */
  invent(wanted: string, value: JsonValue, weight: number): string {
    const name = this.#nameFor(wanted);
    this.#variants.set(name, { value, weight });
    return name;
  }

  /** The first variant with this value; undefined where there is none. */
  withValue(value: JsonValue): string | undefined {
    const text = JSON.stringify(value);
    return this.names.find((name) => JSON.stringify(this.#variants.get(name)!.value) === text);
  }

  weightOf(name: string): number {
    return this.#variants.get(name)?.weight ?? 0;
  }

  get names(): readonly string[] {
    return [...this.#variants.keys()];
  }

  /** All of them, as a definition has them. */
  written(): Readonly<Record<string, WrittenVariant>> {
    return Object.fromEntries([...this.#variants].map(([name, { value, weight }]) => [name, { value, weight }]));
  }

  #nameFor(wanted: string): string {
    const plain = wanted.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 56);
    const inner = plain.replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '');
    // A variant's name is no whole number: those come first in a mapping, wherever they are written.
    const named = /^\d+$/.test(inner) ? `v${inner}` : inner;
    const base = VARIANT_NAME.test(named) ? named : `v${this.#variants.size + 1}`;
    let name = base;
    for (let count = 2; this.#variants.has(name); count += 1) name = `${base}-${count}`;
    return name;
  }
}

/** The type of a value, in words, of which a flag has one; `unfit` for what is no value of JSON, null, too large or too deep. */
export function typeOf(value: JsonValue): string {
  if (value === null || !isJson(value, VALUE_DEPTH_MAX)) return 'unfit';
  if (Buffer.byteLength(JSON.stringify(value)) > VALUE_BYTES_MAX) return 'unfit';
  return Array.isArray(value) ? 'list' : typeof value;
}

function isJson(value: unknown, depth: number): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  return typeof value === 'object' && depth > 0 && Object.values(value).every((inner) => isJson(inner, depth - 1));
}

/** What a flag of this type is when it is off, where the product has no value for that. */
export function neutralValue(type: string): JsonValue {
  switch (type) {
    case 'boolean':
      return false;
    case 'number':
      return 0;
    case 'list':
      return [];
    case 'object':
      return {};
    default:
      return '';
  }
}

/** Parts of one as whole weights with the same ratios, as far as five digits go; undefined for parts that are none. */
export function wholeWeights(parts: readonly number[]): readonly number[] | undefined {
  if (parts.some((part) => !(part >= 0 && part <= WEIGHTS_MAX))) return undefined;
  const sum = parts.reduce((total, part) => total + part, 0);
  for (let factor = 1; factor * Math.max(sum, 1) <= WEIGHTS_MAX; factor *= 10) {
    const scaled = parts.map((part) => part * factor);
    if (scaled.every((part) => Math.abs(part - Math.round(part)) < 1e-6)) return scaled.map(Math.round);
  }
  const scale = sum > 0 ? 10 ** Math.floor(Math.log10(WEIGHTS_MAX / sum)) : 0;
  return parts.map((part) => Math.round(part * scale));
}

/** A percentage in the steps that there are here. */
export function percentOf(part: number): number {
  return Math.round(Math.min(Math.max(part, 0), 1) * 100_000) / 1000;
}
