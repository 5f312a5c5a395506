/**
 * Brings flags over from GrowthBook, with everybody in the bucket where they are: `bucketing: growthbook-v1` or `-v2`, the seed as salt.
 *
 * The attribute `id` is the targeting key here. Rules there are asked until one of them gives a value, and a key that a rule does not draw
 * goes on to the next one; here the first rule that fits decides. Both come to the same where all rules give one value and
 * draw from one line, because then the rule with the largest share can be asked first. Where they do not, it is said.
 */
import type { FlagDefinition } from './definition.ts';
import type { JsonValue } from './flag.ts';
import { type Branch, decisionsOf } from './import-branches.ts';
import { conjunctionsOf } from './import-expression.ts';
import { attributeOf, GrowthbookConditions } from './import-growthbook-condition.ts';
import { type GrowthbookRule, readRule } from './import-growthbook-rule.ts';
import {
  documentIn,
  FlagReport,
  type Import,
  type ImportedFlag,
  ImportReport,
  isFlagName,
  type JsonRecord,
  listIn,
  ownIn,
  recordIn,
  shortText,
  textIn,
} from './import-report.ts';
import { togetherOf } from './import-requires.ts';
import { typeOf, VariantTable } from './import-variants.ts';

/** What a feature needs of another: that it has this value. */
interface Gate {
  readonly at: string;
  readonly feature: string;
  readonly condition: unknown;
  /** Whether a rule before it may give a value without it. */
  readonly isLate: boolean;
}

/** Reads an SDK payload. Never throws. */
export function importGrowthbook(document: unknown): Import {
  const report = new ImportReport();
  const payload = documentIn(document, report);
  if (payload === undefined) return { flags: [], notes: report.notes };
  const features = recordIn(payload.features);
  if (features === undefined) {
    const message =
      payload.encryptedFeatures === undefined
        ? 'this is no SDK payload: it has no features'
        : 'the payload is encrypted';
    report.note('refused', null, '', message);
    return { flags: [], notes: report.notes };
  }
  if (listIn(payload.experiments).length > 0) {
    report.note('lost', null, 'experiments', 'experiments of the visual editor have no counterpart');
  }
  const groups = recordIn(payload.savedGroups) ?? {};
  const flags = new Map<string, ImportedFlag>();
  const gates = new Map<string, readonly Gate[]>();
  for (const [name, feature] of Object.entries(features)) {
    const own = new FlagReport(report, name);
    const at = `features.${name}`;
    const definition = isFlagName(name) ? definitionOf(recordIn(feature) ?? {}, at, groups, own) : undefined;
    if (!isFlagName(name)) own.refused(at, 'a flag cannot be called so here');
    if (definition !== undefined) flags.set(name, { name, definition });
    gates.set(name, gatesOf(recordIn(feature) ?? {}, at));
  }
  addGates(flags, gates, report);
  return { flags: [...flags.values()], notes: report.notes };
}

function definitionOf(
  feature: JsonRecord,
  at: string,
  groups: JsonRecord,
  report: FlagReport,
): FlagDefinition | undefined {
  const fallback = ownIn(feature, 'defaultValue') as JsonValue | undefined;
  if (fallback === undefined || typeOf(fallback) === 'unfit') {
    report.refused(at, 'it has no default value, or one that a flag cannot have');
    return undefined;
  }
  const conditions = new GrowthbookConditions(groups, report);
  const read = listIn(feature.rules)
    .map((rule, index) => [recordIn(rule) ?? {}, `${at}.rules[${index}]`] as const)
    .filter(([rule]) => !isGate(rule) || Object.hasOwn(rule, 'force') || Object.hasOwn(rule, 'variations'))
    .map(([rule, where]) => [withoutGates(rule), where] as const)
    .map(([rule, where]) => readRule(rule, where, report.flag, conditions, report))
    .filter((rule) => rule !== undefined && hasType(rule, fallback, report) && rule.percent > 0);
  const rules = inOrder(carriedOver(read as readonly GrowthbookRule[], report), report);
  const table = new VariantTable(report);
  const isSwitch = fallback === false && rules.every(({ values }) => values.length === 1);
  const off = table.invent('default', fallback, 0);
  const branches = rules.map((rule): Branch => branchOf(rule, table, isSwitch));
  const on = isSwitch ? null : (table.names.find((name) => name !== off) ?? off);
  const { isWhole: _, ...decided } = decisionsOf(branches, on, report);
  const draw = rules.find((rule) => rule.draw !== null)?.draw ?? null;
  const always = { strategy: 'all', on: true } as const;
  return {
    ...(fallback === true && rules.length === 0 ? always : decided),
    ...(isSwitch || (fallback === true && rules.length === 0) ? {} : { variants: table.written(), offVariant: off }),
    ...(draw === null ? {} : { bucketing: `growthbook-v${draw.version}`, salt: draw.seed }),
    ...(draw === null || draw.by === 'id' ? {} : { bucketBy: attributeOf(draw.by) }),
  };
}

function hasType(rule: GrowthbookRule, fallback: JsonValue, report: FlagReport): boolean {
  const wrong = rule.values.find(({ value }) => typeOf(value ?? null) !== typeOf(fallback));
  if (wrong === undefined) return true;
  report.lost(rule.at, `${shortText(wrong.value)} is of another type than the default value; the rule is left out`);
  return false;
}

function branchOf(rule: GrowthbookRule, table: VariantTable, isSwitch: boolean): Branch {
  const { name, at, when, percent, draw, values } = rule;
  if (values.length > 1) {
    for (const { name: wanted, value, weight } of values) table.invent(wanted ?? 'v', value, weight);
    return { name, at, when, outcome: { kind: 'variants', percent } };
  }
  const { value } = values[0]!;
  const wanted = typeof value === 'object' ? 'v' : String(value);
  const variant = isSwitch && value === true ? null : (table.withValue(value) ?? table.invent(wanted, value, 0));
  if (isSwitch && value === false) return { name, at, when, outcome: { kind: 'none', variant: null } };
  const kind = draw === null ? 'all' : 'percentage';
  return { name, at, when, outcome: { kind, percent, variant } };
}

/** The rules that can stand beside each other in one flag. */
function carriedOver(rules: readonly GrowthbookRule[], report: FlagReport): readonly GrowthbookRule[] {
  const draw = rules.find((rule) => rule.draw !== null)?.draw;
  const experiment = rules.find(({ values }) => values.length > 1);
  return rules.filter((rule) => {
    if (rule.draw !== null && JSON.stringify(rule.draw) !== JSON.stringify(draw)) {
      report.lost(
        rule.at,
        'it draws by another seed, version or attribute than the one before; a flag has one draw here',
      );
      return false;
    }
    if (rule.values.length > 1 && JSON.stringify(rule.values) !== JSON.stringify(experiment!.values)) {
      report.lost(rule.at, 'it has other variations than the one before; a flag has one set of them here');
      return false;
    }
    return true;
  });
}

/** The order in which the first rule that fits gives what the first that also draws the key gives there, where there is one. */
function inOrder(rules: readonly GrowthbookRule[], report: FlagReport): readonly GrowthbookRule[] {
  const isOneValue = new Set(rules.map(({ values }) => JSON.stringify(values))).size === 1;
  if (isOneValue)
    return [...rules].sort((a, b) => b.percent - a.percent || Number(b.draw === null) - Number(a.draw === null));
  for (const [index, { at, draw, when, percent }] of rules.entries()) {
    const isLast = index === rules.length - 1;
    if (draw === null || percent === 100 || isLast) continue;
    const everybody = conjunctionsOf(when)?.some((part) => part.length === 0) === true;
    const rest = everybody ? '; the rules behind it are left out' : '';
    report.changed(at, `a key that it does not draw goes on to the next rule there, and is off here${rest}`);
  }
  return rules;
}

function isGate(rule: JsonRecord): boolean {
  return listIn(rule.parentConditions).some((parent) => recordIn(parent)?.gate === true);
}

function withoutGates(rule: JsonRecord): JsonRecord {
  return isGate(rule) ? { ...rule, parentConditions: [] } : rule;
}

function gatesOf(feature: JsonRecord, at: string): readonly Gate[] {
  const rules = listIn(feature.rules);
  const first = rules.findIndex((rule) => !isGate(recordIn(rule) ?? {}));
  return rules.flatMap((rule, index) => {
    const where = `${at}.rules[${index}].parentConditions`;
    if (!isGate(recordIn(rule) ?? {})) return [];
    return listIn(recordIn(rule)!.parentConditions).map((parent): Gate => {
      const { id, condition } = recordIn(parent) ?? {};
      return { at: where, feature: textIn(id) ?? '', condition, isLate: first !== -1 && first < index };
    });
  });
}

/** A flag that needs what cannot be asked for would be on for more people than there, and is taken away again. */
function addGates(
  flags: Map<string, ImportedFlag>,
  gates: ReadonlyMap<string, readonly Gate[]>,
  report: ImportReport,
): void {
  const before = new Map(flags);
  for (const [name, { definition }] of before) {
    const needed = gates.get(name) ?? [];
    if (needed.length === 0) continue;
    const own = new FlagReport(report, name);
    const requires = needed.map((gate) => {
      const parent = before.get(gate.feature)?.definition;
      const variant = (gates.get(gate.feature) ?? []).length > 0 ? undefined : variantBy(gate.condition, parent);
      return variant === undefined ? undefined : { flag: gate.feature, variant };
    });
    const missing = requires.indexOf(undefined);
    const together = missing === -1 ? togetherOf(requires.map((one) => one!)) : undefined;
    if (together !== undefined) {
      own.changed(needed[0]!.at, 'without what it needs it has no value there, and its off value here');
      const late = needed.find(({ isLate }) => isLate);
      if (late !== undefined) own.changed(late.at, 'it concerns the rules behind it there, and all rules here');
      flags.set(name, { name, definition: { ...definition, requires: together } });
    } else {
      own.refused(
        needed[Math.max(missing, 0)]!.at,
        'what it needs cannot be asked for here, and without it it would be on for more people',
      );
      flags.delete(name);
    }
  }
}

/** The one variant of a flag that has the value that a condition asks for; undefined where there are none or several. */
function variantBy(condition: unknown, parent: FlagDefinition | undefined): string | undefined {
  const wanted = recordIn(condition)?.value;
  const value = recordIn(wanted) === undefined ? wanted : recordIn(wanted)!.$eq;
  if (parent === undefined || value === undefined) return undefined;
  if (parent.variants === undefined) return value === true ? 'on' : value === false ? 'off' : undefined;
  const names = Object.entries(parent.variants).filter(
    ([, variant]) => JSON.stringify(variant.value) === JSON.stringify(value),
  );
  return names.length === 1 ? names[0]![0] : undefined;
}
