import type { Random } from '../fuzz/random.ts';
import type { Guard } from './guard.ts';

/** A relay on loopback, as its attackers see it. */
export interface Target {
  readonly port: number;
  /** Where it answers plain HTTP; -1 for nowhere. */
  readonly httpPort: number;
  /** Where it answers STUN; -1 for nowhere. */
  readonly stunPort: number;
  readonly publicKey: Buffer;
  readonly certificate: { readonly certFile: string; readonly keyFile: string };
  /** Its lists of addresses and its rate, if it has any. */
  readonly guard?: Guard | undefined;
  /** Has it read its files again; need not wait until that is done. */
  reload(): Promise<void>;
}

/** Something bad that happens to a relay. */
export interface Fault {
  readonly name: string;
  /** What one strike is, in a few words. */
  readonly load: string;
  /** Does it once, and takes everything down again. @throws RelayFault when the relay did what it must not do */
  strike(target: Target, random: Random): Promise<void>;
}

/** The relay did what it must not do. Anything else that goes wrong in a strike may be the machine's load. */
export class RelayFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'RelayFault';
  }
}
