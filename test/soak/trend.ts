/** Whether a figure that goes up and down goes up in the long run. Pure. */

export interface Point {
  /** Seconds. */
  readonly at: number;
  readonly value: number;
}

/**
 * The slope by Theil and Sen: the median of the slopes between all pairs of points, a second. Up to 29 in 100 points may
 * be as wild as they like (a storm, a garbage collection that was late) and it stays where it was.
 */
export function slopeOf(points: readonly Point[]): number {
  const slopes: number[] = [];
  for (let i = 0; i < points.length; i++) {
    for (let j = i + 1; j < points.length; j++) {
      const seconds = points[j]!.at - points[i]!.at;
      if (seconds > 0) slopes.push((points[j]!.value - points[i]!.value) / seconds);
    }
  }
  return medianOf(slopes);
}

/** The median; 0 of nothing. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return 0;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The value that a share of all values does not exceed; 0 of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** How much a figure may seem to grow from the end of the warm-up to the end, before it counts as a leak. */
export interface Allowance {
  readonly name: string;
  readonly most: number;
}

/** A verdict on one figure. */
export interface Trend {
  readonly name: string;
  /** By the slope, over all the time after the warm-up. */
  readonly growth: number;
  readonly most: number;
  readonly rising: boolean;
}

/** The first quarter is warm-up: pools fill, code is compiled, the heap finds its size. */
const WARM_UP = 0.25;

/** Judges a figure by its points. */
export function judgeTrend(points: readonly Point[], { name, most }: Allowance): Trend {
  const settled = points.slice(Math.floor(points.length * WARM_UP));
  const duration = (settled.at(-1)?.at ?? 0) - (settled[0]?.at ?? 0);
  const growth = slopeOf(settled) * duration;
  return { name, growth, most, rising: growth > most };
}
