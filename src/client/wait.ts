/**
 * A promise that a signal can end: `begin` starts the work and returns what takes its listeners off again, which
 * happens exactly once, however it ends. Rejects with the signal's reason.
 */
export function waitFor<T>(
  signal: AbortSignal,
  begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => () => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    let cleanUp: (() => void) | undefined;
    let ended = false;
    const end = (settle: () => void) => {
      if (ended) return;
      ended = true;
      signal.removeEventListener('abort', onAbort);
      cleanUp?.();
      settle();
    };
    const onAbort = () => end(() => reject(signal.reason));
    signal.addEventListener('abort', onAbort);
    cleanUp = begin(
      (value) => end(() => resolve(value)),
      (error) => end(() => reject(error)),
    );
    // It may have ended before begin returned.
    if (ended) cleanUp();
  });
}
