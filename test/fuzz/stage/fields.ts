/**
 * Fields as `node:http` gives them (names and values by turns, as sent), brought into the forms that ours are compared in.
 */

/** The values by lower-case name; several fields of one name are one list, as `RequestHead.field` joins them. */
export function valuesOf(fields: readonly string[]): Map<string, string> {
  const values = new Map<string, string>();
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!.toLowerCase();
    const before = values.get(name);
    const value = fields[at + 1]!;
    values.set(name, before === undefined ? value : before + (name === 'cookie' ? '; ' : ', ') + value);
  }
  return values;
}

/** The fields as lines, each with CRLF, without white space around the values. */
export function linesOf(fields: readonly string[]): string {
  let lines = '';
  for (let at = 0; at < fields.length; at += 2) lines += `${fields[at]}:${fields[at + 1]}\r\n`;
  return lines;
}

/** Field lines as they were sent, without the white space around their values. */
export function trimmed(lines: string): string {
  return lines.replace(/^([^:]*):[ \t]*(.*?)[ \t]*\r\n/gm, '$1:$2\r\n');
}
