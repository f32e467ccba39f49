/** Times in milliseconds. */
export interface LatencySummary {
  minMs: number | undefined;
  medianMs: number | undefined;
  maxMs: number | undefined;
}

/** The least, the middle and the greatest of some times; all undefined if there are none. */
export function summarize(timesMs: readonly number[]): LatencySummary {
  const sorted = [...timesMs].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const isOdd = sorted.length % 2 === 1;
  return {
    minMs: sorted[0],
    medianMs: isOdd ? sorted[middle] : sorted.length > 0 ? (sorted[middle - 1]! + sorted[middle]!) / 2 : undefined,
    maxMs: sorted.at(-1),
  };
}

/** A time for people: `0.42 ms`, `3.1 ms`, `184 ms`. */
export function formatMs(ms: number | undefined): string {
  if (ms === undefined) return '–';
  return `${ms < 1 ? ms.toFixed(2) : ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}
