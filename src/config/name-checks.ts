/**
 * Checks that several places of a config need: a name that must be a service, and a name that is there twice.
 *
 * They say the same thing in the same words wherever it is wrong, and hide what must not be shown.
 */
import { formatValue, HIDDEN, type Path } from './problem.ts';
import type { Source } from './source.ts';
import type { Structure } from './structure.ts';
import { nearest } from './suggest.ts';

/** What a check looks at beside the config, and where it reports to. */
export type Check = { readonly source: Source; readonly structure: Structure };

/** Reports a name that is no service of the file. */
export function checkServiceName(
  service: string | undefined,
  path: Path,
  services: readonly string[],
  { source, structure }: Check,
): void {
  const isKnown = service === undefined || services.includes(service) || source.has(['services', service]);
  if (isKnown || structure.touched(path)) return;
  const name = shown(source, path, formatValue(service));
  const suggestion = name === HIDDEN ? undefined : nearest(service, services);
  const allowed = services.join(', ') || 'a service';
  source.report({ path, message: `${name} is no service`, value: name, allowed, suggestion });
}

/** Reports a name whose first use is at `first`. */
export function reportTwice(source: Source, path: Path, name: string, first: Path): void {
  const value = shown(source, path, formatValue(name));
  const message = `${value} is there twice, first on line ${source.lineOf(first)}`;
  source.report({ path, message, value, allowed: 'each name once' });
}

/** A text of the file, unless it must not be shown. */
export function shown(source: Source, path: Path, text: string): string {
  return source.hidden(path) ? HIDDEN : text;
}
