/**
 * Reads one hexadecimal digit from its character code, for percent-encoding and for IPv6.
 *
 * It works on codes because both readers walk over bytes or characters one by one; `parseInt` would need a string for
 * each of them.
 */

/** The value of the digit with this character code, from 0 to 15; -1 when it is no hexadecimal digit. */
export function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
