/**
 * Moments as attributes give them: ISO 8601, in the profile of RFC 3339, or a day alone, which begins at midnight UTC.
 *
 * A time without an offset is none: it would mean something else on every machine. `Date.parse` accepts that, and much else
 * (`Date.parse('1')`), and is not asked before the form is certain.
 */

const MOMENT =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(\.\d{1,9})?)?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d))?$/;

/** Milliseconds since 1970; undefined for a text that is no moment, such as the 30th of February. */
export function parseMoment(text: string): number | undefined {
  const match = text.length > 40 ? null : MOMENT.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hours = '0', minutes = '0', seconds = '0', fraction = '0', zone = 'Z'] = match;
  const dayMs = Date.UTC(Number(year), Number(month) - 1, Number(day));
  const date = new Date(dayMs);
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return undefined;
  const timeMs = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
  return dayMs + timeMs + Math.floor(Number(fraction) * 1000) - offsetMs(zone);
}

function offsetMs(zone: string): number {
  if (zone.length === 1) return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4));
  return (zone.startsWith('-') ? -1 : 1) * minutes * 60_000;
}
