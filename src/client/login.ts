/** The client's part of the DERP login: which frame to send when, and what the relay's frames mean. No I/O. */
import { open, type SharedKey, seal, sharedKey } from '../protocol/box.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { encodeClientInfo } from '../protocol/frame-encoder.ts';
import { type KeyPair, keysEqual } from '../protocol/keys.ts';
import {
  type ClientInfo,
  encodeClientInfoJson,
  parseServerInfoJson,
  readServerKey,
  type ServerInfo,
} from '../protocol/login.ts';

/**
 * One login. The relay sends ServerKey, the client answers ClientInfo, the relay ServerInfo. With fast start the client
 * knows the relay's key beforehand and speaks first; the relay's ServerKey comes all the same and must agree.
 */
export class Login {
  readonly #keyPair: KeyPair;
  readonly #info: Partial<ClientInfo>;
  #serverKey: Buffer | undefined;
  #shared: SharedKey | undefined;
  #serverKeyConfirmed = false;

  /** @param expectedServerKey 32 bytes; another key from the relay is an error */
  constructor(keyPair: KeyPair, info: Partial<ClientInfo>, expectedServerKey: Uint8Array | undefined) {
    this.#keyPair = keyPair;
    this.#info = info;
    this.#serverKey = expectedServerKey && Buffer.from(expectedServerKey);
  }

  /** The relay's key, 32 bytes, once known. */
  get serverKey(): Buffer | undefined {
    return this.#serverKey;
  }

  /** Whether the relay itself has named that key, the first thing it says. */
  get serverKeyConfirmed(): boolean {
    return this.#serverKeyConfirmed;
  }

  /** Whether ClientInfo has been made, so the relay knows who we are and may turn us away. */
  get hasIntroduced(): boolean {
    return this.#shared !== undefined;
  }

  /**
   * The ClientInfo frame, for which the relay's key must be known.
   * @throws ProtocolError bad-key if that is no usable key
   */
  introduce(): Buffer {
    if (!this.#serverKey) throw new Error('the relay’s key is not known yet');
    this.#shared = sharedKey(this.#keyPair, this.#serverKey);
    return encodeClientInfo(this.#keyPair.publicKey, seal(this.#shared, encodeClientInfoJson(this.#info)));
  }

  /**
   * Takes a ServerKey payload. Returns the ClientInfo frame if it is now to be sent.
   * @throws ProtocolError bad-frame-length, bad-magic; bad-key for another key than expected
   */
  takeServerKey(bytes: Buffer, start: number, end: number): Buffer | undefined {
    const key = readServerKey(bytes, start, end);
    if (this.#serverKey && !keysEqual(this.#serverKey, key)) {
      throw new ProtocolError('bad-key', 'the relay has another key than expected');
    }
    this.#serverKey = key;
    this.#serverKeyConfirmed = true;
    return this.#shared ? undefined : this.introduce();
  }

  /**
   * Takes a ServerInfo payload: with it the login is complete.
   * @throws ProtocolError unexpected-frame if it comes before ClientInfo, bad-box, bad-json
   */
  takeServerInfo(payload: Buffer): ServerInfo {
    if (!this.#shared) throw new ProtocolError('unexpected-frame', 'ServerInfo came before the login');
    return parseServerInfoJson(open(this.#shared, payload));
  }
}
