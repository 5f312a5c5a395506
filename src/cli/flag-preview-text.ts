/**
 * What a preview says, in sentences: who would be in, how many would change, and what nobody can know.
 */
import type { FlagPreview } from '../control/flag-preview.ts';
import { counted, percent, span } from './figures.ts';
import { turnText } from './flag-text.ts';
import { plain } from './terminal-text.ts';

const UNTOLD = {
  users: 'who is in a list of keys',
  rules: 'whom a rule concerns',
  requires: 'who has the flags that it needs',
  schedule: 'what a schedule does',
} as const;

/** The lines of a preview. */
export function previewLines(preview: FlagPreview): string[] {
  const { flag, from, to, sample, withinMs, ofAll } = preview;
  const indent = '  ';
  const lines = [`${plain(flag)}: ${turnText(from, to)}; nothing is changed`];
  if (sample.moved.length > 0) {
    lines.push(`${indent}another ${sample.moved.join(' and ')}: everybody is put into buckets anew`);
  }
  lines.push(`${indent}${countLine(preview)}`);
  if (sample.onBefore !== null && sample.onAfter !== null && sample.sampled > 0) {
    lines.push(
      `${indent}on for ${whole(sample.onBefore)} of them now, for ${aboutOf(sample)}${whole(sample.onAfter)} then`,
    );
  }
  if (ofAll !== null) lines.push(`${indent}of all keys that come to its draw: ${percent(ofAll)}%`);
  if (sample.untold.length > 0) lines.push(`${indent}not known: ${sample.untold.map((one) => UNTOLD[one]).join(', ')}`);
  if (from.killed) lines.push(`${indent}it is killed: nobody changes before \`tidegate flag restore ${plain(flag)}\``);
  return lines;

  function countLine({ sample: { sampled, changed, isCounted } }: FlagPreview): string {
    const seen = `${counted(sampled, 'key')} seen in the last ${span(withinMs)}`;
    if (sampled === 0) return `no key was drawn for it in the last ${span(withinMs)}`;
    if (changed === null) return `of ${seen}, nobody can say how many would change`;
    const isOne = isCounted && changed === 1;
    return `${isCounted ? '' : 'about '}${whole(changed)} of ${seen} ${isOne ? 'gets' : 'get'} another value`;
  }
}

function aboutOf({ moved }: FlagPreview['sample']): string {
  return moved.length === 0 ? '' : 'about ';
}

function whole(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}
