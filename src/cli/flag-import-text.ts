/**
 * The account of an import for people: each flag with whom it is on for, and below it everything that is not as it was.
 */
import type { FlagStand } from '../control/flag-operations.ts';
import type { Import, ImportNote, NoteKind } from '../flags/import-report.ts';
import { counted } from './figures.ts';
import { aimText } from './flag-text.ts';
import { plain } from './terminal-text.ts';

const WORDS: Readonly<Record<NoteKind, string>> = {
  refused: 'NOT BROUGHT IN',
  lost: 'lost',
  changed: 'changed',
};

/** The lines of an account. */
export function importLines(from: string, { flags, notes }: Import): string[] {
  const refused = new Set(notes.flatMap(({ kind, flag }) => (kind === 'refused' && flag !== null ? [flag] : [])));
  for (const { name } of flags) refused.delete(name);
  const left = refused.size === 0 ? '' : `, ${refused.size} left out`;
  return [
    `${counted(flags.length, 'flag')} from ${from}${left}`,
    ...notesOf(notes, null),
    ...flags.flatMap(({ name, definition }) => {
      const share = typeof definition.value === 'number' ? definition.value : 100;
      const stand = { definition, environment: '', share, killed: false } as FlagStand;
      return [`  ${plain(name)}: ${aimText(stand)}`, ...notesOf(notes, name)];
    }),
    ...[...refused].flatMap((name) => [`  ${plain(name)}: left out`, ...notesOf(notes, name)]),
  ];
}

function notesOf(notes: readonly ImportNote[], about: string | null): string[] {
  return notes
    .filter(({ flag }) => flag === about)
    .map(({ kind, at, message }) => `    ${WORDS[kind]}: ${at === '' ? '' : `${plain(at)}: `}${plain(message)}`);
}
