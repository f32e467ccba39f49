/** Changes to files that are somebody else's: what is written in the place of what, and how to take exactly that out. */

/** A part of a text, and what takes its place. */
export interface TextChange {
  start: number;
  end: number;
  text: string;
}

/** What was written, and what stood there before. */
export interface Replacement {
  written: string;
  original: string;
}

/** A file and its changes. */
export interface FileEdit {
  /** Links followed. */
  path: string;
  /** The text without our changes … */
  original: string;
  /** … and with them. */
  edited: string;
  replaced: readonly Replacement[];
}

/** The text with the changes made; they must not overlap. */
export function changeText(text: string, changes: readonly TextChange[]): FileEdit['edited'] {
  const ordered = [...changes].sort((a, b) => b.start - a.start);
  return ordered.reduce((done, { start, end, text: put }) => done.slice(0, start) + put + done.slice(end), text);
}

/** The edit that makes these changes to a file. */
export function fileEdit(path: string, original: string, changes: readonly TextChange[]): FileEdit {
  const ordered = [...changes].sort((a, b) => a.start - b.start);
  const replaced = ordered.map(({ start, end, text }) => ({ written: text, original: original.slice(start, end) }));
  return { path, original, edited: changeText(original, changes), replaced };
}

/**
 * Takes our words out of a text that others may have changed since: each is looked for behind the one before it, and once
 * more from the beginning where things were moved about.
 */
export function takeOut(text: string, replaced: readonly Replacement[]): string {
  let done = text;
  let from = 0;
  for (const { written, original } of replaced) {
    if (written === '') continue;
    const behind = done.indexOf(written, from);
    const at = behind >= 0 ? behind : done.indexOf(written);
    if (at < 0) continue;
    done = done.slice(0, at) + original + done.slice(at + written.length);
    from = at + original.length;
  }
  return done;
}
