import { type ConnectStep, DerpClientError } from './errors.ts';

/**
 * How long connecting may take in all, together with the caller's own signal. It knows the step under way, so that
 * running out of time says where.
 */
export class Deadline {
  step: ConnectStep = 'resolve';
  /** Aborts when the time is up or the caller's signal says so. */
  readonly signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #outer: AbortSignal | undefined;
  readonly #onOuterAbort: () => void;

  constructor(timeoutMs: number, outer: AbortSignal | undefined) {
    const controller = new AbortController();
    this.signal = controller.signal;
    this.#outer = outer;
    this.#onOuterAbort = () =>
      controller.abort(new DerpClientError('aborted', 'given up', { step: this.step, cause: outer?.reason }));
    this.#timer = setTimeout(() => {
      const message = `no ${describeStep(this.step)} within ${timeoutMs} ms`;
      controller.abort(new DerpClientError('timeout', message, { step: this.step }));
    }, timeoutMs);
    if (outer?.aborted) this.#onOuterAbort();
    else outer?.addEventListener('abort', this.#onOuterAbort);
  }

  /** Stops the clock; to be called however it ended. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#onOuterAbort);
  }
}

function describeStep(step: ConnectStep): string {
  switch (step) {
    case 'resolve':
      return 'answer from DNS';
    case 'tcp':
      return 'TCP connection';
    case 'tls':
    case 'certificate':
      return 'end of the TLS handshake';
    case 'http':
      return 'answer to the HTTP upgrade';
    case 'login':
      return 'answer to the DERP login';
  }
}
