/** What was wrong with bytes from the network; stable codes, for logs, counters and tests. */
export type ProtocolErrorCode =
  | 'bad-key'
  | 'bad-box'
  | 'bad-json'
  | 'bad-frame-length'
  | 'bad-magic'
  | 'bad-stun'
  | 'bad-proxy-header'
  | 'unexpected-frame';

/** The one error that anything in src/protocol throws for bytes that break the protocol. */
export class ProtocolError extends Error {
  readonly code: ProtocolErrorCode;

  constructor(code: ProtocolErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ProtocolError';
    this.code = code;
  }
}
