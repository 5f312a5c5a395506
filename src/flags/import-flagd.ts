/**
 * Brings flags over from flagd, with everybody in the bucket where they are: `bucketing: flagd`, what it joins to the key as salt.
 *
 * What flagd calls the default variant is the off value here, save where a flag is true or false and nothing else: then it is the
 * variant that is false, so that the flag can be switched off.
 */
import type { FlagDefinition, WrittenVariant } from './definition.ts';
import type { JsonValue } from './flag.ts';
import { decisionsOf } from './import-branches.ts';
import { FlagdConditions } from './import-flagd-condition.ts';
import { type FlagdDraw, FlagdTargetingReader, Unreadable } from './import-flagd-targeting.ts';
import {
  documentIn,
  FlagReport,
  type Import,
  type ImportedFlag,
  ImportReport,
  isFlagName,
  type JsonRecord,
  recordIn,
  shortText,
  textIn,
} from './import-report.ts';
import { typeOf, VariantTable } from './import-variants.ts';

/** Reads a flag definition file. Never throws. */
export function importFlagd(document: unknown): Import {
  const report = new ImportReport();
  const root = documentIn(document, report);
  if (root === undefined) return { flags: [], notes: report.notes };
  const found = flagsIn(root.flags);
  if (found === undefined) report.note('refused', null, '', 'this is no definition of flagd: it has no flags');
  const shared = recordIn(root.$evaluators) ?? {};
  if (Object.keys(recordIn(root.metadata) ?? {}).length > 0)
    report.note('lost', null, 'metadata', 'there is none here');
  const flags = new Map<string, ImportedFlag>();
  for (const { name, at, flag } of found ?? []) {
    const own = new FlagReport(report, name);
    if (!isFlagName(name)) own.refused(at, 'a flag cannot be called so here');
    else if (flags.has(name)) own.refused(at, 'there is a flag of this name already');
    else {
      const definition = definitionOf(name, flag, at, shared, own);
      if (definition !== undefined) flags.set(name, { name, definition });
    }
  }
  return { flags: [...flags.values()], notes: report.notes };
}

/** Flags come as a mapping by name, or as a list with a `key` in each. */
function flagsIn(
  flags: unknown,
): readonly { readonly name: string; readonly at: string; readonly flag: JsonRecord }[] | undefined {
  if (Array.isArray(flags)) {
    return flags.map((item, index) => {
      const flag = recordIn(item) ?? {};
      return { name: textIn(flag.key) ?? '', at: `flags[${index}]`, flag };
    });
  }
  const named = recordIn(flags);
  if (named === undefined) return undefined;
  return Object.entries(named).map(([name, flag]) => ({ name, at: `flags.${name}`, flag: recordIn(flag) ?? {} }));
}

function definitionOf(
  flagName: string,
  flag: JsonRecord,
  at: string,
  shared: JsonRecord,
  report: FlagReport,
): FlagDefinition | undefined {
  const values = valuesOf(flag, at, report);
  if (values === undefined) return undefined;
  const names = [...values.keys()];
  const fallback = fallbackOf(flag, values, at, report);
  const targeting = flag.targeting ?? null;
  const isTargeted = targeting !== null && Object.keys(recordIn(targeting) ?? { it: 1 }).length > 0;
  const conditions = new FlagdConditions(shared, report);
  const reader = new FlagdTargetingReader(flagName, names, fallback, conditions);
  const read = isTargeted ? reader.read(targeting, `${at}.targeting`) : { branches: [], draw: null };
  if (read instanceof Unreadable) {
    report.refused(read.at, read.message);
    return undefined;
  }
  for (const key of Object.keys(recordIn(flag.metadata) ?? {})) {
    if (key !== 'description') report.lost(`${at}.metadata.${key}`, 'there is no metadata here');
  }
  const table = new VariantTable(report);
  const called = new Map<string, string>();
  for (const { name, weight } of inOrder(names, read.draw)) {
    called.set(name, table.add(`${at}.variants`, name, values.get(name)!, weight));
  }
  const branches = read.branches.map((branch) => {
    const { outcome } = branch;
    return outcome.kind === 'all'
      ? { ...branch, outcome: { ...outcome, variant: called.get(outcome.variant!)! } }
      : branch;
  });
  const isSwitch = !isTargeted && values.get(fallback) === true;
  const off = (isSwitch ? [...values].find(([, value]) => value === false)?.[0] : undefined) ?? fallback;
  const other = names.find((name) => name !== fallback) ?? fallback;
  // A branch that is left out would give its people to the ones behind it.
  const decided = isTargeted
    ? decisionsOf(branches, called.get(other)!, { lost: (where, message) => report.refused(where, message) })
    : { strategy: 'all' as const, variant: called.get(fallback)!, isWhole: true };
  if (!decided.isWhole) return undefined;
  const description = textIn(recordIn(flag.metadata)?.description);
  const isOn = stateOf(flag, at, report);
  const { isWhole: _whole, ...says } = decided;
  const { value: _, ...switchedOff } = says as FlagDefinition;
  return {
    ...(description === undefined ? {} : { description: description.slice(0, 1000) }),
    ...(isOn ? says : { ...switchedOff, strategy: 'none' }),
    variants: table.written() as Readonly<Record<string, WrittenVariant>>,
    offVariant: called.get(off)!,
    ...(read.draw === null ? {} : { bucketing: 'flagd', salt: read.draw.salt }),
    ...(read.draw === null || read.draw.by === null ? {} : { bucketBy: read.draw.by }),
  };
}

/** The ranges of a draw lie in the order of its parts; the variants that it does not have come behind them, with no weight. */
function inOrder(
  names: readonly string[],
  draw: FlagdDraw | null,
): readonly { readonly name: string; readonly weight: number }[] {
  const drawn = (draw?.weights ?? []).map(({ variant, weight }) => ({ name: variant, weight }));
  const rest = names.filter((name) => !drawn.some((one) => one.name === name));
  return [...drawn, ...rest.map((name) => ({ name, weight: 0 }))];
}

function valuesOf(flag: JsonRecord, at: string, report: FlagReport): ReadonlyMap<string, JsonValue> | undefined {
  const values = new Map(Object.entries(recordIn(flag.variants) ?? {}) as [string, JsonValue][]);
  const types = new Set([...values.values()].map(typeOf));
  if (values.size > 0 && types.size === 1 && !types.has('unfit')) return values;
  report.refused(
    `${at}.variants`,
    values.size === 0
      ? 'it has no variants'
      : `its values are not of one type that a flag may have: ${[...types].join(', ')}`,
  );
  return undefined;
}

function fallbackOf(flag: JsonRecord, values: ReadonlyMap<string, JsonValue>, at: string, report: FlagReport): string {
  const named = textIn(flag.defaultVariant);
  if (named !== undefined && values.has(named)) return named;
  const chosen = [...values].find(([, value]) => value === false)?.[0] ?? [...values.keys()][0]!;
  const message = named === undefined ? 'it leaves its default to the code' : `${shortText(named)} is no variant of it`;
  report.changed(`${at}.defaultVariant`, `${message}; here it is ${chosen}`);
  return chosen;
}

function stateOf(flag: JsonRecord, at: string, report: FlagReport): boolean {
  if (flag.state === 'ENABLED') return true;
  if (flag.state === 'DISABLED')
    report.changed(`${at}.state`, 'it is disabled: the code decides there, and it is off here');
  else report.changed(`${at}.state`, `${shortText(flag.state)} is no state; it is off here`);
  return false;
}
