/** Waiting for something to become so. */
import { setTimeout as delay } from 'node:timers/promises';

/** How long to wait, and how often to look. */
export interface Patience {
  seconds: number;
  /** @default 50 */
  pauseMs?: number;
  /** Errors after which there is no use in waiting. @default none */
  isFinal?: (error: unknown) => boolean;
}

/** Looks until there is something; an error of the last look is part of the failure. */
export async function until<T>(
  what: string,
  { seconds, pauseMs = 50, isFinal }: Patience,
  look: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    let last = '';
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
    } catch (error) {
      if (isFinal?.(error)) throw error;
      last = `; last: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s in vain for ${what}${last}`);
    await delay(pauseMs);
  }
}
