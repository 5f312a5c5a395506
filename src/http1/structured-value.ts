/**
 * Values as structured fields have them: what a member of a dictionary may be called, and how a value of JSON is written as one.
 *
 * Texts, numbers and truth values are items of their own types. What has no type there (null, lists, objects, numbers with more than
 * three decimals or fifteen digits) is a text that holds it as JSON: rounded, as the serialisation of the RFC has it, a number would
 * be another one than the flag has. A true value is written as `?1` and not left out, because many readers look for `name=`; the
 * RFC's parser takes both.
 *
 * Source: RFC 9651, sections 3.2 (dictionaries), 3.3 (items) and 4.1 (serialisation).
 */

/** A value of JSON. */
export type FieldJson =
  | string
  | number
  | boolean
  | null
  | readonly FieldJson[]
  | { readonly [name: string]: FieldJson };

const KEY = /^[a-z*][a-z0-9_.*-]*$/;
const INTEGER_MAX = 999_999_999_999_999;
const DECIMAL_END = 1e12;
const PLAIN = /^[\x20-\x7e]*$/;

/** Whether a member of a dictionary may have this name. */
export function isFieldKey(name: string): boolean {
  return KEY.test(name);
}

/** The value as a bare item: ASCII without control characters, so that it can stand in a field. */
export function fieldItem(value: FieldJson): string {
  switch (typeof value) {
    case 'boolean':
      return value ? '?1' : '?0';
    case 'number':
      return numberItem(value) ?? stringItem(JSON.stringify(value));
    case 'string':
      return stringItem(value);
    default:
      return stringItem(JSON.stringify(value));
  }
}

function numberItem(value: number): string | null {
  if (Number.isInteger(value)) return Math.abs(value) <= INTEGER_MAX ? String(value) : null;
  const written = value.toFixed(3).replace(/0{1,2}$/, '');
  return Math.abs(value) < DECIMAL_END && Number(written) === value ? written : null;
}

/** A string, or a display string where there is more than printable ASCII. */
function stringItem(text: string): string {
  if (PLAIN.test(text)) return `"${text.replace(/["\\]/g, '\\$&')}"`;
  let item = '%"';
  for (const byte of Buffer.from(text)) {
    const isPlain = byte >= 0x20 && byte < 0x7f && byte !== 0x25 && byte !== 0x22;
    item += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, '0')}`;
  }
  return `${item}"`;
}
