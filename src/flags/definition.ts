/**
 * A flag as it is written: in the file, over the API, in the state file, and by those who bring flags from other products.
 *
 * The words are explained where they are checked, in the schema of the config; here is their shape only, for this room, which must not
 * know the schema. What is written is not yet accepted: a name may be too long, a list too large.
 */
import type { Bucketing, JsonValue } from './flag.ts';

/** Whom a flag or a rule is on for, as a word. */
export type WrittenStrategy = 'all' | 'none' | 'users' | 'percentage' | 'variants';

/** A condition as it is written: one attribute, and one thing that is asked of it. */
export interface WrittenCondition {
  readonly attribute: string;
  readonly not?: boolean;
  readonly exists?: true;
  readonly equals?: string | number | boolean;
  readonly in?: readonly (string | number | boolean)[];
  readonly prefix?: string;
  readonly suffix?: string;
  readonly contains?: string;
  readonly matches?: string;
  readonly lt?: number;
  readonly le?: number;
  readonly gt?: number;
  readonly ge?: number;
  readonly semver?: WrittenVersions;
  readonly before?: string;
  readonly after?: string;
  readonly cidr?: readonly string[];
}

/** How a version stands to another: exactly one of them. */
export interface WrittenVersions {
  readonly lt?: string;
  readonly le?: string;
  readonly equals?: string;
  readonly ge?: string;
  readonly gt?: string;
}

export interface WrittenVariant {
  readonly value?: JsonValue;
  readonly weight?: number;
  readonly pool?: string;
  readonly rewrite?: string;
  readonly redirect?: string;
}

/** Percentages are from 0 to 100; a list is one of keys. */
export type WrittenValue = number | readonly string[];

export interface WrittenRule {
  readonly name?: string;
  readonly when?: readonly WrittenCondition[];
  readonly strategy: WrittenStrategy;
  readonly value?: WrittenValue;
  readonly variant?: string;
}

export interface FlagDefinition {
  readonly description?: string;
  readonly strategy: WrittenStrategy;
  readonly value?: WrittenValue;
  readonly on?: JsonValue;
  readonly off?: JsonValue;
  readonly variants?: Readonly<Record<string, WrittenVariant>>;
  readonly variant?: string;
  readonly offVariant?: string;
  readonly rules?: readonly WrittenRule[];
  readonly requires?: readonly { readonly flag: string; readonly variant?: string }[];
  readonly schedule?: { readonly from?: string; readonly until?: string };
  readonly ramp?: { readonly from: number; readonly to: number; readonly start: string; readonly over: string };
  readonly bucketBy?: string;
  readonly salt?: string;
  readonly bucketing?: Bucketing;
  readonly environments?: Readonly<Record<string, Partial<Omit<FlagDefinition, 'environments'>>>>;
}
