/** What the user should know before anything is done. */
import type { Note } from '../../setup/answers/notes.ts';
import type { Messages } from '../messages/en.ts';
import type { Session } from '../session.ts';
import { columnsOf, lineWidth, wrapText } from './columns.ts';

const INDENT = '    ';

/** Told even with --quiet: whoever overlooks them has clients that cannot connect any more. */
const URGENT: readonly Note['code'][] = ['pin-changed', 'successor-taken', 'certificate-ends-soon', 'host-unresolved'];

/** A note's sentence. */
export function noteText(note: Note, { notes }: Messages): string {
  return (notes[note.code] as (note: Note) => string)(note);
}

/** Prints the notes; on a terminal of `columns` in lines that fit. */
export function tellNotes(
  notes: readonly Note[],
  { output, messages }: Session,
  columns = columnsOf(process.stderr),
): void {
  for (const note of notes) {
    const print = URGENT.includes(note.code) ? output.error : output.progress;
    const text = noteText(note, messages);
    // In a log a sentence is a line.
    const [first = '', ...rest] = columns === undefined ? [text] : wrapText(text, lineWidth(columns) - INDENT.length);
    print(`  ${output.paintError.yellow('!')} ${first}`);
    for (const line of rest) print(INDENT + line);
  }
}
