/**
 * Colours and bars: the few signs by which a table says what matters.
 *
 * Only the eight basic colours, which every theme keeps readable, and never colour alone: whatever is red also has a word
 * or a mark, for NO_COLOR and for those who do not see red.
 */

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

/** A way to emphasise a text. */
export type Tone = keyof typeof CODES | 'none';

/** The text in a tone; as it is when the output has no colours. */
export function paint(text: string, tone: Tone, colour: boolean): string {
  return colour && tone !== 'none' && text !== '' ? `\x1b[${CODES[tone]}m${text}\x1b[0m` : text;
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;

/**
 * A bar of exactly `columns` columns for a share from 0 to 1. A share that is not nothing shows at least a sliver, and one
 * that is not all leaves at least a gap of one step.
 */
export function bar(share: number, columns: number, unicode: boolean): string {
  const steps = unicode ? 8 : 1;
  const most = columns * steps;
  let filled = Math.round(Math.min(1, Math.max(0, share)) * most);
  if (share > 0 && filled === 0) filled = 1;
  if (share < 1 && filled === most) filled = most - 1;
  const whole = Math.floor(filled / steps);
  if (!unicode) return '#'.repeat(whole).padEnd(columns, '.');
  const part = EIGHTHS[filled % steps]!;
  return ('█'.repeat(whole) + part).padEnd(columns, ' ');
}
