import type { CarryPool } from '../../protocol/frame-decoder.ts';
import type { KeyPair } from '../../protocol/keys.ts';
import type { LoginWay } from '../counters.ts';
import type { ClientRates } from '../limits/client-rates.ts';
import type { Log } from '../log.ts';
import type { Noise } from '../noise.ts';
import type { OutboxContext } from '../queues/outbox.ts';
import type { Admission } from './admission.ts';
import type { KeepAliveWheels } from './keep-alive-wheel.ts';
import type { Switchboard } from './switchboard.ts';

/** What all sessions of a relay share. */
export interface SessionContext extends OutboxContext {
  readonly keyPair: KeyPair;
  /** The greeting, encoded once. */
  readonly serverKeyFrame: Buffer;
  /** The keep-alive, encoded once. */
  readonly keepAliveFrame: Buffer;
  readonly carryPool: CarryPool;
  readonly switchboard: Switchboard;
  /** Where a session is entered for as long as it lasts. */
  readonly sessions: { add(session: unknown): void; delete(session: unknown): void };
  readonly keepAlives: KeepAliveWheels;
  readonly admit: Admission;
  readonly clientRates: ClientRates;
  readonly log: Log;
  readonly noise: Noise;
  /** A client that takes no bytes for this long is disconnected, milliseconds; 0 never. */
  readonly writeTimeoutMs: number;
}

/** Where a session came from. */
export interface Origin {
  readonly address: string;
  readonly port: number;
  readonly way: LoginWay;
  /** The node the client would rather have used, from the `Ideal-Node` header; empty when it is this one. */
  readonly idealNode: string;
  /** Called when the client has been let in. */
  readonly loggedIn?: () => void;
}
