/** Text in columns, with characters that take two of them, and values from anywhere made safe to print. */

/** Chinese, Japanese, Korean and full-width characters. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/g;

/** How many columns of a terminal a text takes. */
export function displayWidth(text: string): number {
  return text.length + (text.match(WIDE)?.length ?? 0);
}

/** The text with spaces up to a width. */
export function padTo(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)));
}

const LONGEST_VALUE = 80;

/** A value as it can be printed: quoted if it holds anything that would be misread or could steer the terminal. */
export function printable(value: string): string {
  const short = value.length > LONGEST_VALUE ? `${value.slice(0, LONGEST_VALUE)}…` : value;
  return /^[^\s\p{C}"'\\]+$/u.test(short) ? short : JSON.stringify(short).replace(/[\p{C}\u007f]/gu, '?');
}

/** Text from a relay or a file, with what could steer the terminal taken out. */
export function harmless(text: string): string {
  return text.replace(/\p{C}/gu, '?');
}
