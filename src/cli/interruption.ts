/** Ctrl-C and its kin: the first asks to end in good order, a second skips the clean-up, a third ends at once. */

/** Exit code of a run that was interrupted. */
export const EXIT_INTERRUPTED = 130;

/** Who asked twice wants to be gone: what still runs then is not waited for any longer than this, milliseconds. */
const GRACE_MS = 500;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

let endsInOrder = false;

/** Whether something has begun that must clean up, tell and unlock before the process ends. */
export function mustEndInOrder(): boolean {
  return endsInOrder;
}

/** A signal that is aborted by the first interruption. */
export interface Interruption {
  signal: AbortSignal;
  /** Aborted by the second. */
  hurry: AbortSignal;
  /** Resolves at the first interruption. */
  happened: Promise<void>;
  /** Gives the signals back to their default action. */
  release(): void;
}

/**
 * Takes over SIGINT, SIGTERM and SIGHUP (the terminal was closed). With `cleansUp`, ending takes time that a second
 * signal can cut short; otherwise a second one ends the process.
 */
export function watchInterruption({ cleansUp = false } = {}): Interruption {
  const controller = new AbortController();
  const hurry = new AbortController();
  const onSignal = () => {
    if (!controller.signal.aborted) controller.abort();
    else if (cleansUp && !hurry.signal.aborted) hurry.abort();
    else process.exit(EXIT_INTERRUPTED);
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  if (cleansUp) endsInOrder = true;
  return {
    signal: controller.signal,
    hurry: hurry.signal,
    happened: new Promise((resolve) => controller.signal.addEventListener('abort', () => resolve(), { once: true })),
    release: () => {
      for (const name of SIGNALS) process.off(name, onSignal);
      // By then it has been told what is left, and main has set the exit code.
      if (hurry.signal.aborted) setTimeout(() => process.exit(), GRACE_MS).unref();
    },
  };
}
