import type { PeerGoneReason } from '../../protocol/frame-types.ts';
import type { Outbox } from '../queues/outbox.ts';

/** One connection of a peer, as those see it who send to the peer. */
export interface PeerConnection {
  readonly outbox: Outbox;
  /** When it last spoke, in its peer's count. */
  spokeAt: number;
  sendPeerGone(peer: Buffer, reason: PeerGoneReason): void;
}

/**
 * A key that is connected to this relay, by one connection or, with a cloned or reconnecting node, several.
 * Packets for the key go to the active one: the one that spoke last.
 */
export class Peer {
  readonly key: Buffer;
  readonly name: string;
  readonly connections: PeerConnection[] = [];
  active: PeerConnection | undefined = undefined;
  /** Peers that this one has sent packets to: they are told when it is gone. */
  readonly audience = new Set<Peer>();
  /** The reverse of `audience`, so that whoever leaves can be forgotten everywhere. */
  readonly sources = new Set<Peer>();
  #spoken = 0;

  constructor(key: Buffer, name: string) {
    this.key = key;
    this.name = name;
  }

  /** A new connection is active at once: the older ones are probably dead. */
  add(connection: PeerConnection): void {
    this.connections.push(connection);
    this.noteSpeaker(connection);
  }

  /** Removes a connection; the latest speaker of the rest takes over. */
  remove(connection: PeerConnection): void {
    this.connections.splice(this.connections.indexOf(connection), 1);
    if (this.active !== connection) return;
    this.active = this.connections.reduce<PeerConnection | undefined>(
      (latest, candidate) => (latest === undefined || candidate.spokeAt > latest.spokeAt ? candidate : latest),
      undefined,
    );
  }

  /** Called with each frame of a key that has several connections: the speaker becomes the active one. */
  noteSpeaker(connection: PeerConnection): void {
    connection.spokeAt = ++this.#spoken;
    this.active = connection;
  }

  /** Remembers that this peer has sent to `other`. */
  noteSentTo(other: Peer): void {
    if (this.audience.has(other)) return;
    this.audience.add(other);
    other.sources.add(this);
  }
}
