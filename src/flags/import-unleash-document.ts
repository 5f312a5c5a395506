/**
 * The documents in which Unleash gives away its flags, brought into one shape: features with their strategies inside.
 *
 * There are three: what clients fetch (`features` with `strategies`), the export of an environment (`featureStrategies` and
 * `featureEnvironments` beside `features`), and the older export of the whole state, which has many environments. Of several
 * environments one is brought over, because what is different in the others would be different flags.
 */
import { documentIn, type ImportReport, type JsonRecord, listIn, ownIn, recordIn, textIn } from './import-report.ts';

/** A feature, and where its parts are in the document. */
export interface UnleashFeature {
  readonly name: string;
  readonly at: string;
  readonly description: string | undefined;
  readonly enabled: boolean;
  readonly strategies: readonly Located[];
  readonly variants: readonly Located[];
  readonly dependencies: readonly Located[];
}

export interface Located {
  readonly at: string;
  readonly record: JsonRecord;
}

export interface UnleashDocument {
  readonly features: readonly UnleashFeature[];
  /** The constraints of segments by their id. */
  readonly segments: ReadonlyMap<string, readonly Located[]>;
}

/** Reads any of the three; `environment` says which one is wanted of several. */
export function readUnleash(document: unknown, environment: string | undefined, report: ImportReport): UnleashDocument {
  const root = documentIn(document, report);
  if (root === undefined) return { features: [], segments: new Map() };
  const whole = recordIn(root.data) ?? root;
  if (!Array.isArray(whole.features)) {
    report.note('refused', null, '', 'this is no export of Unleash: it has no list of features');
    return { features: [], segments: new Map() };
  }
  const chosen = chooseEnvironment(whole, environment, report);
  const strategies = inside(whole, '', 'featureStrategies', report).filter(({ record }) => isIn(record, chosen));
  const environments = inside(whole, '', 'featureEnvironments', report).filter(({ record }) => isIn(record, chosen));
  const dependencies = inside(whole, '', 'dependencies', report);
  const links = inside(whole, '', 'featureStrategySegments', report);
  const features = inside(whole, '', 'features', report).flatMap(({ at, record }): UnleashFeature[] => {
    const name = textIn(record.name);
    if (name === undefined) {
      report.note('refused', null, at, 'a feature without a name');
      return [];
    }
    if (record.archived === true) {
      report.note('lost', name, at, 'it is archived');
      return [];
    }
    const of = ({ record: other }: Located) => other.featureName === name || other.feature === name;
    const there = environments.find(of);
    const ownStrategies = inside(record, at, 'strategies', report);
    const ownVariants = inside(record, at, 'variants', report);
    const apart = strategies.filter(of).map((strategy) => withSegments(strategy, links));
    return [
      {
        name,
        at,
        description: textIn(record.description),
        enabled: (there?.record.enabled ?? record.enabled ?? true) === true,
        strategies: ownStrategies.length > 0 ? ownStrategies : apart.sort(byOrder),
        variants:
          ownVariants.length > 0 || there === undefined
            ? ownVariants
            : inside(there.record, there.at, 'variants', report),
        dependencies: [
          ...inside(record, at, 'dependencies', report),
          ...dependencies.filter(of).flatMap((each) => inside(each.record, each.at, 'dependencies', report)),
        ],
      },
    ];
  });
  const segments = inside(whole, '', 'segments', report)
    .filter(({ record }) => Array.isArray(record.constraints))
    .map(({ at, record }) => [String(record.id), inside(record, at, 'constraints', report)] as const);
  return { features, segments: new Map(segments) };
}

function chooseEnvironment(whole: JsonRecord, wanted: string | undefined, report: ImportReport): string | undefined {
  const names = [...inside(whole, '', 'featureEnvironments', report), ...inside(whole, '', 'featureStrategies', report)]
    .map(({ record }) => textIn(record.environment))
    .filter((name) => name !== undefined);
  const all = [...new Set(names)];
  const chosen = wanted ?? (all.includes('production') ? 'production' : all[0]);
  for (const name of all) {
    if (name !== chosen) report.note('lost', null, 'featureEnvironments', `the environment ${name}: this is ${chosen}`);
  }
  return chosen;
}

function isIn(record: JsonRecord, environment: string | undefined): boolean {
  return record.environment === undefined || environment === undefined || record.environment === environment;
}

/** The older export has the segments of a strategy in a list of their own, and its name under another key. */
function withSegments({ at, record }: Located, links: readonly Located[]): Located {
  const linked = links
    .filter(({ record: link }) => link.featureStrategyId === record.id)
    .map(({ record: link }) => link.segmentId);
  const segments = [...listIn(record.segments), ...linked];
  return { at, record: { ...record, name: record.name ?? record.strategyName, segments } };
}

function byOrder(a: Located, b: Located): number {
  return (Number(a.record.sortOrder) || 0) - (Number(b.record.sortOrder) || 0);
}

/** The mappings of a list; whatever else is in it is noted. */
export function inside(record: JsonRecord, at: string, key: string, report: ImportReport): Located[] {
  return listIn(ownIn(record, key)).flatMap((item, index) => {
    const where = `${at === '' ? '' : `${at}.`}${key}[${index}]`;
    const inner = recordIn(item);
    if (inner === undefined) report.note('lost', null, where, 'is no mapping');
    return inner === undefined ? [] : [{ at: where, record: inner }];
  });
}
