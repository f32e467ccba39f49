/** What the user should know before anything is done. */
import type { Note } from '../setup/notes.ts';
import type { Messages } from './messages/en.ts';
import type { Session } from './session.ts';

/** Told even with --quiet: whoever overlooks them has clients that cannot connect any more. */
const URGENT: readonly Note['code'][] = ['pin-changed', 'certificate-ends-soon', 'host-unresolved'];

/** A note's sentence. */
export function noteText(note: Note, { notes }: Messages): string {
  return (notes[note.code] as (note: Note) => string)(note);
}

/** Prints the notes, one line each. */
export function tellNotes(notes: readonly Note[], { output, messages }: Session): void {
  for (const note of notes) {
    const print = URGENT.includes(note.code) ? output.error : output.progress;
    print(`  ${output.paintError.yellow('!')} ${noteText(note, messages)}`);
  }
}
