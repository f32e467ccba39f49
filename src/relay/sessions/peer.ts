import type { Session } from './session.ts';

/**
 * A key that is connected to this relay, by one connection or, with a cloned or reconnecting node, several.
 * Packets for the key go to the active one: the one that spoke last.
 */
export class Peer {
  readonly key: Buffer;
  readonly name: string;
  readonly sessions: Session[] = [];
  active: Session | undefined = undefined;
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
  add(session: Session): void {
    this.sessions.push(session);
    this.noteSpeaker(session);
  }

  /** Removes a connection; the latest speaker of the rest takes over. */
  remove(session: Session): void {
    this.sessions.splice(this.sessions.indexOf(session), 1);
    if (this.active !== session) return;
    this.active = this.sessions.reduce<Session | undefined>(
      (latest, candidate) => (latest === undefined || candidate.spokeAt > latest.spokeAt ? candidate : latest),
      undefined,
    );
  }

  /** Called with each frame of a key that has several connections: the speaker becomes the active one. */
  noteSpeaker(session: Session): void {
    session.spokeAt = ++this.#spoken;
    this.active = session;
  }

  /** Remembers that this peer has sent to `other`. */
  noteSentTo(other: Peer): void {
    if (this.audience.has(other)) return;
    this.audience.add(other);
    other.sources.add(this);
  }
}
