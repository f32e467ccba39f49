/** The terminal that goes away, and a request to end, while questions are open. */

const SIGNALS = ['SIGTERM', 'SIGHUP'] as const;

/**
 * A signal that is aborted by either of them, so that the question that is open ends in good order: a terminal left in
 * raw mode would show nobody what is typed next. Ctrl-C is a key there, and each command's own affair elsewhere.
 */
export function watchEnding(): { signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const onSignal = () => controller.abort();
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    release: () => {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}
