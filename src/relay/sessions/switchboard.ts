import { KEY_LENGTH, PeerGoneReason } from '../../protocol/frame-types.ts';
import type { Counters } from '../counters.ts';
import { Peer, type PeerConnection } from './peer.ts';

/** Another node of the region that a packet can be forwarded to (once: never forward what was forwarded). */
export interface Forwarder {
  forward(source: Buffer, destination: Buffer, packet: Buffer): void;
}

/** What the rest of the region knows, beyond this relay. */
export interface Region {
  /** The node that has `key`, if another one has. */
  forwarderFor(key: Buffer): Forwarder | undefined;
  /** A key has come to this relay, or left it. */
  present(key: Buffer): void;
  gone(key: Buffer): void;
}

/** A region of one node. */
export const aloneInRegion: Region = { forwarderFor: () => undefined, present: () => {}, gone: () => {} };

/** Who is connected here, by key. */
export class Switchboard {
  readonly #peers = new Map<string, Peer>();
  readonly #counters: Counters;
  readonly #region: Region;

  constructor(counters: Counters, region: Region = aloneInRegion) {
    this.#counters = counters;
    this.#region = region;
  }

  /** The peer whose key is the 32 bytes at `offset`, if it is connected here. */
  find(bytes: Buffer, offset: number): Peer | undefined {
    // A one-byte-per-character string is the cheapest map key that 32 raw bytes can become.
    return this.#peers.get(bytes.toString('latin1', offset, offset + KEY_LENGTH));
  }

  /** The node to forward to for the key at `offset`. */
  forwarderFor(bytes: Buffer, offset: number): Forwarder | undefined {
    return this.#region.forwarderFor(bytes.subarray(offset, offset + KEY_LENGTH));
  }

  /** Adds a connection that has logged in. @returns its peer */
  register(connection: PeerConnection, key: Buffer): Peer {
    const name = key.toString('latin1');
    let peer = this.#peers.get(name);
    if (peer === undefined) {
      peer = new Peer(key, name);
      this.#peers.set(name, peer);
    } else {
      if (peer.connections.length === 1) {
        this.#counters.duplicateKeys++;
        this.#counters.duplicateConnections++;
      }
      this.#counters.duplicateConnections++;
    }
    peer.add(connection);
    this.#counters.clients++;
    this.#region.present(key);
    return peer;
  }

  /** Removes a connection; when its key is gone from the region, all whom it had sent to are told. */
  unregister(connection: PeerConnection, peer: Peer): void {
    this.#counters.clients--;
    peer.remove(connection);
    if (peer.connections.length > 0) {
      this.#counters.duplicateConnections--;
      if (peer.connections.length === 1) {
        this.#counters.duplicateConnections--;
        this.#counters.duplicateKeys--;
      }
      return;
    }
    this.#peers.delete(peer.name);
    const elsewhere = this.#region.forwarderFor(peer.key) !== undefined;
    for (const source of peer.sources) source.audience.delete(peer);
    for (const listener of peer.audience) {
      listener.sources.delete(peer);
      if (!elsewhere) listener.active?.sendPeerGone(peer.key, PeerGoneReason.Disconnected);
    }
    peer.sources.clear();
    peer.audience.clear();
    this.#region.gone(peer.key);
  }

  /** All connected peers. */
  peers(): IterableIterator<Peer> {
    return this.#peers.values();
  }
}
