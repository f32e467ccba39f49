/** Ctrl-C and its kin: the first asks to end in good order, a second ends at once. */

/** Exit code of a run that was interrupted. */
export const EXIT_INTERRUPTED = 130;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A signal that is aborted by the first interruption. */
export interface Interruption {
  signal: AbortSignal;
  /** Resolves at the first interruption. */
  happened: Promise<void>;
  /** Gives the signals back to their default action. */
  release(): void;
}

/** Takes over SIGINT, SIGTERM and SIGHUP (the terminal was closed). */
export function watchInterruption(): Interruption {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(EXIT_INTERRUPTED);
    controller.abort();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    happened: new Promise((resolve) => controller.signal.addEventListener('abort', () => resolve(), { once: true })),
    release: () => {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}
