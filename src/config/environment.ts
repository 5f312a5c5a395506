/**
 * `${NAME}` and `${NAME:-default}`: how values of the environment come into a config.
 *
 * References are masked before the YAML is read and replaced in each scalar after it. So a value can never add
 * structure (a newline, a colon, a brace), and a reference may stand unquoted inside `{ }`, where YAML would take its
 * brace for its own. Masks are noncharacters of Unicode (U+FDD0 to U+FDEF), which text does not contain, and have the
 * length of what they stand for, so that every position stays true. `$${` is a literal `${`.
 *
 * As in a shell, `:-` means the default also where the variable is empty.
 */

/** The variables of the environment. */
export type Environment = Readonly<Record<string, string | undefined>>;

const MASKED = '{}[],:#&*!|>%@`-? =/~^()+;<$';
const FIRST = 0xfdd0;
const REFERENCE = /\$?\$\{[A-Za-z_][A-Za-z0-9_]*(?::-[^}\r\n"'\\]*)?\}/g;
const ANY_MASK = /[\ufdd0-\ufdef]/g;

/** Hides the references of a text from YAML; its length and its lines stay as they are. */
export function mask(text: string): string {
  return text.replace(REFERENCE, (reference) => {
    let masked = '';
    for (const char of reference) {
      const index = MASKED.indexOf(char);
      masked += index === -1 ? char : String.fromCharCode(FIRST + index);
    }
    return masked;
  });
}

/** Takes the masks off again. */
export function unmask(text: string): string {
  return text.replace(ANY_MASK, (char) => MASKED[char.charCodeAt(0) - FIRST] ?? char);
}

/** Where a text has a character that is used as a mask, or -1. */
export function indexOfMask(text: string): number {
  return text.search(ANY_MASK);
}

/** A scalar after replacement; `fromEnvironment` is true when any of it was a reference. */
export type Substituted = {
  readonly text: string;
  readonly fromEnvironment: boolean;
  readonly missing: readonly string[];
};

/** Replaces the references of one unmasked scalar. Names without value and default are listed in `missing`. */
export function substitute(text: string, env: Environment): Substituted {
  const missing: string[] = [];
  let fromEnvironment = false;
  const replaced = text.replace(REFERENCE, (reference) => {
    if (reference.startsWith('$$')) return reference.slice(1);
    fromEnvironment = true;
    const [name, fallback] = split(reference.slice(2, -1));
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value !== undefined && (value !== '' || fallback === undefined)) return value;
    if (fallback === undefined) missing.push(name);
    return fallback ?? '';
  });
  return { text: replaced, fromEnvironment, missing };
}

/** Reads a plain scalar as YAML's core schema does, so that a number from the environment is a number. */
export function resolvePlain(text: string): string | number | boolean {
  if (/^(?:true|True|TRUE)$/.test(text)) return true;
  if (/^(?:false|False|FALSE)$/.test(text)) return false;
  if (/^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$/.test(text)) return Number(text);
  return text;
}

function split(body: string): [string, string | undefined] {
  const at = body.indexOf(':-');
  return at === -1 ? [body, undefined] : [body.slice(0, at), body.slice(at + 2)];
}
