/**
 * Brings flags over from Unleash, with everybody in the bucket where they are: `bucketing: unleash`, the group as salt.
 *
 * What Unleash calls a user's id is the targeting key here, and the remote address is `ip`; all other fields keep their names. A
 * feature is true or false there and may have a variant beside it; here it has one value, that of the variant where there are any.
 */
import type { FlagDefinition } from './definition.ts';
import type { JsonValue } from './flag.ts';
import { type Branch, decisionsOf } from './import-branches.ts';
import { and, atom, type Expression, or } from './import-expression.ts';
import {
  FlagReport,
  type Import,
  type ImportedFlag,
  ImportReport,
  isFlagName,
  type JsonRecord,
  listIn,
  recordIn,
  shortText,
  textIn,
  textsIn,
} from './import-report.ts';
import { togetherOf } from './import-requires.ts';
import { attributeOf } from './import-unleash-constraint.ts';
import { type Located, readUnleash, type UnleashDocument, type UnleashFeature } from './import-unleash-document.ts';
import { withoutClock } from './import-unleash-schedule.ts';
import { drawnBy, readStrategy, type UnleashDraw, type UnleashStrategy } from './import-unleash-strategy.ts';
import { neutralValue, typeOf, VariantTable } from './import-variants.ts';

/** A feature's variants, and what they are drawn by. */
interface Drawn {
  readonly table: VariantTable;
  readonly off: string;
  readonly draw: UnleashDraw;
  /** The one that everybody gets, where no other has any weight. */
  readonly only: string | null;
  /** Those who get a certain one, if they get one at all. */
  readonly overrides: readonly { readonly name: string; readonly at: string; readonly when: Expression }[];
}

/** Reads an export, or what clients fetch; `environment` says which one is wanted where there are several. Never throws. */
export function importUnleash(document: unknown, environment?: string): Import {
  const report = new ImportReport();
  const read = readUnleash(document, environment, report);
  const flags = new Map<string, ImportedFlag>();
  for (const feature of read.features) {
    const own = new FlagReport(report, feature.name);
    if (!isFlagName(feature.name)) own.refused(feature.at, 'a flag cannot be called so here');
    else if (flags.has(feature.name)) own.refused(feature.at, 'there is a feature of this name already');
    else flags.set(feature.name, { name: feature.name, definition: definitionOf(feature, read, own) });
  }
  addDependencies(read.features, flags, report);
  return { flags: [...flags.values()], notes: report.notes };
}

function definitionOf(feature: UnleashFeature, { segments }: UnleashDocument, report: FlagReport): FlagDefinition {
  const timed = withoutClock(feature);
  const strategies = carriedOver(timed.feature, segments, report);
  const drawn = variantsOf(feature, strategies, report);
  const enrolment = strategies.find(({ draw }) => draw !== null)?.draw ?? null;
  const choice = drawn !== null && drawn.only === null ? drawn.draw : null;
  const draw = enrolment ?? choice;
  if (enrolment !== null && choice !== null && !isSame(enrolment, choice)) {
    report.changed(feature.at, 'its variants are drawn by another group or field there; here by that of its share');
  }
  const { isWhole: _whole, ...decided } = decisionsOf(
    branchesOf(strategies, drawn, report),
    drawn?.table.names[0] ?? null,
    report,
  );
  const { description, enabled } = feature;
  if (!enabled && decided.strategy !== 'all') {
    const value = decided.value === undefined ? '' : `, value: ${JSON.stringify(decided.value)}`;
    report.changed(feature.at, `it is switched off; to switch it on, say strategy: ${decided.strategy}${value}`);
  }
  const { value: _, ...switchedOff } = decided;
  return {
    ...(description === undefined || description === '' ? {} : { description: description.slice(0, 1000) }),
    ...(enabled ? decided : { ...switchedOff, strategy: 'none' }),
    ...(timed.schedule === null ? {} : { schedule: timed.schedule }),
    ...(drawn === null ? {} : { variants: drawn.table.written(), offVariant: drawn.off }),
    ...(draw === null ? {} : { bucketing: 'unleash', salt: draw.salt }),
    ...(draw === null || draw.by === null ? {} : { bucketBy: draw.by }),
  };
}

/** The strategies that can stand beside each other in one flag, the largest share first. */
function carriedOver(
  feature: UnleashFeature,
  segments: ReadonlyMap<string, readonly Located[]>,
  report: FlagReport,
): readonly UnleashStrategy[] {
  const none: Located = { at: feature.at, record: { name: 'default' } };
  const read = (feature.strategies.length === 0 ? [none] : feature.strategies)
    .map((strategy) => readStrategy(strategy, feature.name, segments, report))
    .filter((strategy) => strategy !== undefined);
  const draw = read.find((strategy) => strategy.draw !== null)?.draw ?? null;
  const variants = read.find((strategy) => strategy.variants.length > 0)?.variants ?? [];
  const fitting = read.filter((strategy) => {
    if (strategy.draw !== null && !isSame(strategy.draw, draw!)) {
      report.lost(strategy.at, 'it draws by another group or field than the one before; a flag has one draw here');
      return false;
    }
    if (JSON.stringify(strategy.variants) !== JSON.stringify(variants)) {
      report.lost(strategy.at, 'it has other variants than the one before; a flag has one set of them here');
      return false;
    }
    return true;
  });
  return fitting.sort((a, b) => b.percent - a.percent);
}

function isSame(a: UnleashDraw, b: UnleashDraw): boolean {
  return a.salt === b.salt && a.by === b.by;
}

function branchesOf(
  strategies: readonly UnleashStrategy[],
  drawn: Drawn | null,
  report: FlagReport,
): readonly Branch[] {
  return strategies.flatMap(({ name, at, when, percent }): Branch[] => {
    const variant = drawn?.only ?? null;
    const outcome =
      drawn !== null && variant === null
        ? ({ kind: 'variants', percent } as const)
        : percent === 100
          ? ({ kind: 'all', variant } as const)
          : ({ kind: 'percentage', percent, variant } as const);
    const overrides = drawn?.overrides ?? [];
    if (percent < 100 && overrides.length > 0) {
      report.lost(at, 'overrides of variants within a share: whom they name gets the variant that is drawn');
    }
    return [
      ...(percent < 100 ? [] : overrides).map((override) => ({
        name: `${override.name} for some`,
        at: override.at,
        when: and(when, override.when),
        outcome: { kind: 'all', variant: override.name } as const,
      })),
      { name, at, when, outcome },
    ];
  });
}

function variantsOf(feature: UnleashFeature, strategies: readonly UnleashStrategy[], report: FlagReport): Drawn | null {
  const [own] = strategies.filter(({ variants }) => variants.length > 0);
  const records = own?.variants ?? feature.variants.map(({ record }) => record);
  const at = (index: number): string =>
    own === undefined ? feature.variants[index]!.at : `${own.at}.variants[${index}]`;
  if (records.length === 0) return null;
  const table = new VariantTable(report);
  const values = valuesOf(records, at, report);
  const overrides = records.flatMap((record, index) => {
    const weight = Number(record.weight ?? 0);
    const isWeight = Number.isInteger(weight) && weight >= 0 && weight <= 100_000;
    if (!isWeight) report.changed(at(index), `${shortText(record.weight)} is no weight; it has none here`);
    const name = table.add(at(index), textIn(record.name) ?? '', values[index]!, isWeight ? weight : 0);
    const asked = listIn(record.overrides).map((item) => overrideQuestion(recordIn(item) ?? {}));
    return asked.length === 0 ? [] : [{ name, at: at(index), when: or(...asked) }];
  });
  const stickiness = textIn(records[0]!.stickiness) ?? own?.stickiness ?? 'default';
  if (stickiness === 'random')
    report.changed(at(0), 'variants are drawn anew for each request there; here a key keeps its own');
  const off = table.add(
    feature.at,
    table.names.includes('disabled') ? 'off' : 'disabled',
    neutralValue(typeOf(values[0]!)),
    0,
  );
  const weighted = table.names.filter((name) => table.weightOf(name) > 0);
  const only = weighted.length === 1 ? weighted[0]! : null;
  if (weighted.length === 0) report.lost(at(0), 'none of its variants has any weight; here it has none');
  if (weighted.length === 0) return null;
  return { table, off, overrides, only, draw: { salt: own?.group ?? feature.name, by: drawnBy(stickiness) } };
}

function overrideQuestion(override: JsonRecord): Expression {
  const values = textsIn(override.values);
  const field = textIn(override.contextName);
  return field === undefined || values.length === 0 ? or() : atom({ attribute: attributeOf(field), in: values });
}

/** The payloads as values of one type; where they are of several, or missing, the names of the variants. */
function valuesOf(
  records: readonly JsonRecord[],
  at: (index: number) => string,
  report: FlagReport,
): readonly JsonValue[] {
  const names = records.map((record) => textIn(record.name) ?? '');
  const values = records.map((record, index) => payloadOf(record.payload, at(index), report));
  if (values.every((value) => value === undefined)) return names;
  const types = new Set(values.map((value) => (value === undefined ? 'nothing' : typeOf(value))));
  if (types.size === 1 && !types.has('unfit')) return values as readonly JsonValue[];
  report.changed(
    at(0),
    `its values are not of one type that a flag may have (${[...types].join(', ')}); here they are their names`,
  );
  return names;
}

function payloadOf(payload: unknown, at: string, report: FlagReport): JsonValue | undefined {
  const record = recordIn(payload);
  const text = record === undefined ? undefined : textIn(record.value);
  if (record === undefined || text === undefined) return undefined;
  if (record.type !== 'number' && record.type !== 'json') return text;
  try {
    const value = JSON.parse(text) as JsonValue;
    if (value !== null && (record.type === 'json' || typeof value === 'number')) return value;
  } catch {
    // It is kept as the text that it is, which is what the note says.
  }
  report.changed(at, `its payload is no ${String(record.type)}; here it is a text`);
  return text;
}

/** A flag that needs what cannot be asked for would be on for more people than there, and is taken away again. */
function addDependencies(
  features: readonly UnleashFeature[],
  flags: Map<string, ImportedFlag>,
  report: ImportReport,
): void {
  const before = new Map(flags);
  const depending = new Set(features.filter((one) => one.dependencies.length > 0).map(({ name }) => name));
  for (const { name, dependencies } of features) {
    const flag = before.get(name);
    if (flag === undefined || dependencies.length === 0) continue;
    const requires = dependencies.map(({ record }) => requiredBy(record, before, depending));
    const missing = requires.indexOf(undefined);
    const needed = missing === -1 ? togetherOf(requires.map((one) => one!)) : undefined;
    if (needed !== undefined) {
      flags.set(name, { name, definition: { ...flag.definition, requires: needed } });
    } else {
      const message = 'what it depends on cannot be asked for here, and without it it would be on for more people';
      new FlagReport(report, name).refused(dependencies[Math.max(missing, 0)]!.at, message);
      flags.delete(name);
    }
  }
}

function requiredBy(
  dependency: JsonRecord,
  flags: ReadonlyMap<string, ImportedFlag>,
  depending: ReadonlySet<string>,
): { readonly flag: string; readonly variant: string } | undefined {
  const flag = textIn(dependency.feature) ?? '';
  const parent = flags.get(flag)?.definition;
  if (parent === undefined || depending.has(flag)) return undefined;
  if (dependency.enabled === false) return { flag, variant: parent.offVariant ?? 'off' };
  const own = Object.keys(parent.variants ?? { on: {} }).filter((name) => name !== parent.offVariant);
  // A feature without variants is said there to have one that is called `disabled`.
  const wanted = textsIn(dependency.variants).map((name) =>
    parent.variants === undefined && name === 'disabled' ? 'on' : name,
  );
  const allowed = wanted.length === 0 ? own : own.filter((name) => wanted.includes(name));
  return allowed.length === 1 ? { flag, variant: allowed[0]! } : undefined;
}
