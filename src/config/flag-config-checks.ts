/**
 * What must hold between flags and the rest of the config: flags that are needed, routes that name flags, pools that variants name.
 *
 * The same questions about pools and paths are asked of a change at run time (`checkPlaces`), against the config in force.
 */
import { checkRequired, type FlagFinding } from './flag-checks.ts';
import { GUARDS_MAX, hasGuard } from './flag-guard.ts';
import { inEnvironment, overlayOf } from './flag-merge.ts';
import type { FlagDefinition } from './flag-schema.ts';
import { FLAG_SERIES_MAX, flagSeriesCount } from './flag-series-limit.ts';
import { type Check, shown } from './name-checks.ts';
import { formatValue, HIDDEN, type Path } from './problem.ts';
import type { Config } from './schema.ts';
import { nearest } from './suggest.ts';

/** How an endpoint is told of a flag: its name is a key of a structured field (RFC 9651, section 3.1.2). */
const TOLD = /^[a-z][a-z0-9_.-]*$/;

/** Flags that a sentence names. */
const ALLOWED_MAX = 20;

/** Reports what does not fit together about the flags of the file. */
export function checkFlags(config: Config, check: Check): void {
  const { source, structure } = check;
  const routed = new Set(config.routes.flatMap(({ flags }) => flags));
  for (const [name, definition] of config.flags) {
    const at: Path = ['flags', name];
    if (structure.touched(at)) continue;
    // What was taken out because it is malformed would be missed here.
    const required = structure.touched(['flags']) ? [] : checkRequired(name, config.flags);
    const isWhole = !structure.touched(['routes']) && !structure.touched(['services']);
    const findings = [...required, ...(isWhole ? checkPlaces(name, definition, config) : [])];
    for (const { path, message, allowed } of findings) source.report({ path: [...at, ...path], message, allowed });
    if (hasDeadRules(definition)) {
      const message = 'are never asked: the strategy is none, which switches the flag off for everybody';
      const allowed = 'another strategy beside rules, such as percentage with 0';
      source.report({ path: [...at, 'rules'], message, allowed, severity: 'warning' });
    }
    if (routed.has(name)) continue;
    if (definition.guard !== undefined) {
      const message = 'sees nothing: no route names this flag';
      source.report({ path: [...at, 'guard'], message, severity: 'warning' });
    }
    const lost = Object.entries(definition.variants ?? {}).find(
      ([, { pool, rewrite, redirect }]) => pool ?? rewrite ?? redirect,
    );
    if (lost === undefined) continue;
    const message = 'leads somewhere, and no route names this flag';
    source.report({ path: [...at, 'variants', lost[0]], message, severity: 'warning' });
  }
  const guards = [...config.flags.values()].filter(hasGuard).length;
  if (guards > GUARDS_MAX && !structure.touched(['flags'])) {
    const message = `${guards} flags have a guard`;
    source.report({ path: ['flags'], message, allowed: `at most ${GUARDS_MAX} flags with a guard` });
  }
  const series = flagSeriesCount(config.flags, config);
  if (series > FLAG_SERIES_MAX && !structure.touched(['flags'])) {
    const message = `have ${series} series of statistics, by variant, service and pool`;
    source.report({ path: ['flags'], message, allowed: `at most ${FLAG_SERIES_MAX}` });
  }
  checkRoutes(config, check);
}

/** Whether a flag has rules of its own, and is switched off wherever it may run. */
function hasDeadRules({ strategy, rules = [], environments = {} }: FlagDefinition): boolean {
  const isOn = Object.values(environments).some((over) => (over.strategy ?? 'none') !== 'none');
  return strategy === 'none' && rules.length > 0 && !isOn;
}

function checkRoutes(config: Config, { source, structure }: Check): void {
  const known = [...config.flags.keys()];
  for (const [index, { flags }] of config.routes.entries()) {
    for (const [place, name] of flags.entries()) {
      const path = structure.original(['routes', index, 'flags', place]);
      if (structure.touched(path) || structure.touched(['flags', name])) continue;
      const value = shown(source, path, formatValue(name));
      if (!config.flags.has(name)) {
        const suggestion = value === HIDDEN ? undefined : nearest(name, known);
        source.report({
          path,
          message: `${value} is no flag of this file`,
          value,
          allowed: known.slice(0, ALLOWED_MAX).join(', ') || 'a flag',
          suggestion,
        });
      } else if (!TOLD.test(name)) {
        const message = `${value} cannot be told to an endpoint in a header field`;
        source.report({
          path,
          message,
          value,
          allowed: 'a flag whose name has lower-case letters and begins with one',
        });
      }
    }
  }
}

/** What is wrong with where the variants of a flag lead, and with the signals of its guard, in any environment, on the routes that name it. */
export function checkPlaces(
  name: string,
  definition: FlagDefinition,
  { routes, services }: Pick<Config, 'routes' | 'services'>,
): readonly FlagFinding[] {
  const naming = routes.filter(({ flags }) => flags.includes(name));
  if (naming.length === 0) return [];
  const pools = new Set(naming.flatMap(({ service }) => [...(services.get(service ?? '')?.pools.keys() ?? [])]));
  const found: FlagFinding[] = [];
  for (const [at, variants] of variantsOf(definition)) {
    for (const [variant, { pool }] of Object.entries(variants ?? {})) {
      if (pool === undefined || pools.has(pool)) continue;
      const allowed = [...pools].join(', ') || 'no pool: its routes have no service';
      const message = `${pool} is no pool of the services that its routes lead to`;
      found.push({ path: [...at, variant, 'pool'], message, allowed });
    }
  }
  const signals = naming.flatMap(({ service }) =>
    Object.entries(services.get(service ?? '')?.rollout.guard.signals ?? {}).flatMap(([signal, { kind }]) =>
      kind === 'requests' ? [signal] : [],
    ),
  );
  const guards: [Path, FlagDefinition['guard']][] = [
    [['guard'], definition.guard],
    ...Object.entries(definition.environments ?? {}).map(([environment, over]): [Path, FlagDefinition['guard']] => [
      ['environments', environment, 'guard'],
      over.guard,
    ]),
  ];
  for (const [at, guard] of guards) {
    for (const [index, signal] of (guard?.signals ?? []).entries()) {
      if (signals.includes(signal)) continue;
      const allowed = [...new Set(signals)].join(', ') || 'none: these services have no signal of requests';
      const message = `${signal} is no signal of requests of the services that its routes lead to`;
      found.push({ path: [...at, 'signals', index], message, allowed });
    }
  }
  return found;
}

function variantsOf(definition: FlagDefinition): (readonly [Path, FlagDefinition['variants']])[] {
  const overlays = Object.keys(definition.environments ?? {}).filter(
    (environment) => overlayOf(definition.environments, environment)?.variants !== undefined,
  );
  return [
    [['variants'], definition.variants],
    ...overlays.map((environment) => {
      const path: Path = ['environments', environment, 'variants'];
      return [path, inEnvironment(definition, environment).variants] as const;
    }),
  ];
}
