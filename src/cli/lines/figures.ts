/** Numbers and times as people read them, in any language. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** An amount of data: `0 B`, `1.2 kB`, `3.1 GB`; thousands, as network figures count. */
export function formatBytes(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  // What would be rounded to 1000 is one of the next unit.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit > 0 && value < 9.95 ? value.toFixed(1) : value.toFixed(0)} ${UNITS[unit]}`;
}

const two = (number: number) => String(number).padStart(2, '0');

/** A day by the calendar of this machine: `2026-11-28`. */
export function formatDay(date: Date): string {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** A time by the clock of this machine: `2026-11-28 09:14`. */
export function formatTime(date: Date): string {
  return `${formatDay(date)} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** The time of day by the clock of this machine: `09:14:02`. */
export function formatClock(date: Date): string {
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
