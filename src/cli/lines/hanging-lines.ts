/** Text that goes on below its own beginning, on terminals that are narrower than it. */
import { joinParts, wrapText } from './columns.ts';
import { displayWidth } from './text.ts';

/** A terminal that leaves less room than this beside the indent breaks the lines itself, columns. */
const LEAST_ROOM = 20;

/** The lines with `first` before the first of them and spaces of its width, `indent`, before the others. */
function hang(first: string, indent: number, lines: readonly string[]): string[] {
  return lines.map((line, i) => (i === 0 ? first : ' '.repeat(indent)) + line);
}

/** How many columns are left; undefined where lines may have any length. */
function roomFor(indent: number, width: number | undefined): number | undefined {
  return width === undefined ? undefined : Math.max(LEAST_ROOM, width - indent);
}

/** A sentence. @param indent the columns that `first` takes @param width of the terminal; undefined: no terminal */
export function hangText(first: string, indent: number, text: string, width: number | undefined): string[] {
  const room = roomFor(indent, width);
  return hang(first, indent, room === undefined ? [text] : wrapText(text, room));
}

/** Parts with a separator between them; a line ends between two parts where it can. */
export function hangParts(
  first: string,
  indent: number,
  { parts, separator }: { parts: readonly string[]; separator: string },
  width: number | undefined,
): string[] {
  const room = roomFor(indent, width);
  if (room === undefined) return hang(first, indent, [parts.join(separator)]);
  const lines = joinParts(parts, separator, room).flatMap((line) => wrapText(line, room));
  return hang(first, indent, lines);
}

/** Between two clauses of a remedy. */
const CLAUSE_END = /(?<=; )|(?<=；)/;
/** Within a clause that is too long: before the command that it ends with. */
const COMMAND = /(?<=: |：)(?=(?:sudo|npx|journalctl|tailscale|derp-setup) )/;

const HAS_COMMAND = /\b(?:sudo|npx|journalctl|tailscale|derp-setup|curl|resolvectl) /;

/** The pieces in lines of at most `room` columns; one that is wider has a line of its own. */
function joinPieces(pieces: readonly string[], room: number): string[] {
  const lines: string[] = [];
  for (const piece of pieces) {
    const longer = `${lines.at(-1) ?? ''}${piece}`;
    if (lines.length > 0 && displayWidth(longer.trimEnd()) <= room) lines[lines.length - 1] = longer;
    else lines.push(piece);
  }
  return lines;
}

/**
 * A remedy: clauses, most of them with a command. Lines never end within a command: one that is longer than the terminal
 * is wide must still be copied as one.
 */
export function hangClauses(first: string, indent: number, text: string, width: number | undefined): string[] {
  const room = roomFor(indent, width);
  if (room === undefined) return hang(first, indent, [text]);
  const fits = (line: string) => displayWidth(line.trimEnd()) <= room;
  const lines = joinPieces(text.split(CLAUSE_END), room)
    .flatMap((line) => (fits(line) ? [line] : joinPieces(line.split(COMMAND), room)))
    .flatMap((line) => (fits(line) || HAS_COMMAND.test(line) ? [line] : wrapText(line, room)));
  return hang(
    first,
    indent,
    lines.map((line) => line.trimEnd()),
  );
}
