import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { sharedKey } from '../../protocol/box.ts';
import { looksLikeDisco } from '../../protocol/disco.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { FrameDecoder, type FrameSink } from '../../protocol/frame-decoder.ts';
import { encodePeerGone, encodePing, encodePong, encodeRestarting } from '../../protocol/frame-encoder.ts';
import { FRAME_HEADER_LENGTH, FrameType, KEY_LENGTH, PeerGoneReason, PING_LENGTH } from '../../protocol/frame-types.ts';
import { shortKey } from '../../protocol/keys.ts';
import { defaults } from '../defaults.ts';
import type { ClientRate } from '../limits/client-rate.ts';
import { Outbox } from '../queues/outbox.ts';
import type { PausedSender } from '../queues/turn.ts';
import type { Transport, TransportUser } from '../transport/transport.ts';
import type { Verdict } from './admission.ts';
import { checkFrame, checkLoginFrame } from './frame-rules.ts';
import type { KeptAlive } from './keep-alive-wheel.ts';
import { makeServerInfo, type ProvenClient, readClientInfo } from './login.ts';
import type { Peer, PeerConnection } from './peer.ts';
import { NotRead, Reading } from './reading.ts';
import type { Origin, SessionContext } from './session-context.ts';
import { TokenBucket } from './token-bucket.ts';

type State = 'login' | 'admitting' | 'active' | 'closed';

/** One connection of a client, from the greeting to the end. */
export class Session implements FrameSink, TransportUser, PausedSender, KeptAlive, PeerConnection {
  readonly origin: Origin;
  readonly outbox: Outbox;
  spokeAt = 0;
  readonly #context: SessionContext;
  readonly #transport: Transport;
  readonly #decoder: FrameDecoder;
  #state: State = 'login';
  #peer: Peer | undefined = undefined;
  #key: Buffer | undefined = undefined;
  /** The peer this session sent to last: most senders talk to one peer at a time. */
  #lastPeer: Peer | undefined = undefined;
  readonly #reading: Reading;
  #held: Buffer[] | undefined = undefined;
  #heldBytes = 0;
  #preferred = false;
  #answersPings = false;
  /** Pings sent since the client was last heard of. */
  #unanswered = 0;
  /** The outbox's count of control writes when the last pong was queued. */
  #pongBefore = -1;
  #peerGoneLimit: TokenBucket | undefined = undefined;
  #deadline: NodeJS.Timeout | undefined = undefined;
  #leaveKeepAlives: (() => void) | undefined = undefined;
  #connectedAt = 0;

  constructor(context: SessionContext, transport: Transport, origin: Origin) {
    this.#context = context;
    this.#transport = transport;
    this.origin = origin;
    this.outbox = new Outbox(context, transport);
    this.#reading = new Reading(transport, context.counters);
    this.#decoder = new FrameDecoder(this, context.carryPool);
  }

  /**
   * Greets the client and starts reading.
   * @param head what goes out in front of the greeting: the answer to the upgrade request, empty with fast start
   * @param early bytes that came behind the request: with fast start, the client's login
   */
  start(head: Buffer, early: Buffer): void {
    this.#context.sessions.add(this);
    const { serverKeyFrame } = this.#context;
    if (head.length > 0) {
      this.outbox.pushControl(Buffer.concat([head, serverKeyFrame]));
      this.outbox.flush();
    } else {
      this.outbox.pushControl(serverKeyFrame);
    }
    this.#transport.start(this);
    if (early.length > 0) this.receive(early, 0, early.length);
    if (this.#state === 'login' || this.#state === 'admitting') {
      this.#deadline = setTimeout(() => {
        this.#context.noise.count('login_timeout');
        this.close();
      }, defaults.loginStepTimeout);
    }
  }

  /** The client's key, raw; undefined before it has logged in. */
  get key(): Buffer | undefined {
    return this.#key;
  }

  // --- bytes from the client ---

  receive(bytes: Buffer, start: number, end: number): void {
    if (this.#state === 'closed') return;
    this.#unanswered = 0;
    this.#reading.count(end - start);
    try {
      this.#decoder.push(bytes, start, end);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** What a client sends ends at most its own connection, even when the mistake is ours. */
  #fail(error: unknown): void {
    const { log, noise, counters } = this.#context;
    const { address } = this.origin;
    if (error instanceof ProtocolError) {
      noise.count(this.#state === 'active' ? 'bad_frame' : 'login_failed');
      log.debug('protocol_error', { address, code: error.code, problem: error.message });
    } else {
      counters.internalErrors++;
      log.error('internal_error', { address, problem: error instanceof Error ? error.stack : String(error) });
    }
    this.close();
  }

  admit(type: number, length: number): 'read' | 'skip' {
    if (this.#state === 'login') {
      checkLoginFrame(type, length);
      return 'read';
    }
    const verdict = checkFrame(type, length);
    if (verdict !== 'unknown') return verdict;
    this.#context.counters.unknownFrames++;
    if (this.#peer !== undefined && this.#peer.connections.length > 1) this.#peer.noteSpeaker(this);
    return 'skip';
  }

  frame(type: number, bytes: Buffer, start: number, end: number): void {
    if (this.#state !== 'active') {
      this.#frameBeforeActive(type, bytes, start, end);
      return;
    }
    const peer = this.#peer!;
    if (peer.connections.length > 1) peer.noteSpeaker(this);
    if (type === FrameType.SendPacket) this.#relay(bytes, start, end);
    else if (type === FrameType.Ping) this.#answerPing(bytes, start);
    else if (type === FrameType.NotePreferred) this.#notePreferred(bytes[start] !== 0);
  }

  /** The hot path. `bytes[start … end)` is `destination ‖ packet`, with five header bytes in front. */
  #relay(bytes: Buffer, start: number, end: number): void {
    const { counters, switchboard } = this.#context;
    const isDisco = looksLikeDisco(bytes, start + KEY_LENGTH, end);
    if (isDisco) counters.packetsReceivedDisco++;
    else counters.packetsReceivedOther++;
    counters.bytesReceived += end - start - KEY_LENGTH;

    let target = this.#lastPeer;
    if (target === undefined || target.active === undefined || !sameKey(target.key, bytes, start)) {
      target = switchboard.find(bytes, start);
      if (target === undefined) {
        this.#sendElsewhere(bytes, start, end, isDisco);
        return;
      }
      this.#lastPeer = target;
      this.#peer!.noteSentTo(target);
    }

    // SendPacket and RecvPacket differ in the type and in whose key it is, so the frame is made where it lies.
    bytes[start - FRAME_HEADER_LENGTH] = FrameType.RecvPacket;
    const key = this.#key!;
    for (let i = 0; i < KEY_LENGTH; i++) bytes[start + i] = key[i]!;
    const outbox = target.active!.outbox;
    if (isDisco) outbox.pushDisco(bytes, start - FRAME_HEADER_LENGTH, end);
    else if (outbox.pushPacket(bytes, start - FRAME_HEADER_LENGTH, end)) this.#pushBack(outbox);
  }

  /** The destination is not connected here. */
  #sendElsewhere(bytes: Buffer, start: number, end: number, isDisco: boolean): void {
    const { counters, switchboard } = this.#context;
    const packet = start + KEY_LENGTH;
    const forwarder = switchboard.forwarderFor(bytes, start);
    if (forwarder !== undefined) {
      forwarder.forward(this.#key!, bytes.subarray(start, packet), bytes.subarray(packet, end));
      return;
    }
    counters.drop('unknown_dest', isDisco ? 'disco' : 'other', end - packet);
    // Only disco packets are answered, and not many: it says "look for this peer elsewhere", nothing more.
    if (!isDisco) return;
    this.#peerGoneLimit ??= new TokenBucket(1, defaults.peerGoneBurst);
    if (this.#peerGoneLimit.take()) this.sendPeerGone(bytes.subarray(start, packet), PeerGoneReason.NotHere);
  }

  #answerPing(bytes: Buffer, start: number): void {
    const { counters } = this.#context;
    counters.pingsReceived++;
    // One answer at a time: who pings faster than it reads gets fewer pongs, not a longer queue.
    if (this.#pongBefore === this.outbox.controlWrites) return;
    this.#pongBefore = this.outbox.controlWrites;
    counters.pongsSent++;
    this.outbox.pushControl(encodePong(bytes.subarray(start, start + PING_LENGTH)));
  }

  #notePreferred(preferred: boolean): void {
    if (preferred === this.#preferred) return;
    this.#preferred = preferred;
    this.#context.counters.homeClients += preferred ? 1 : -1;
  }

  // --- login ---

  #frameBeforeActive(type: number, bytes: Buffer, start: number, end: number): void {
    if (this.#state === 'login') this.#login(bytes, start, end);
    else if (this.#state === 'admitting') this.#hold(bytes, start - FRAME_HEADER_LENGTH, end, type);
  }

  #login(bytes: Buffer, start: number, end: number): void {
    const client = readClientInfo(this.#context.keyPair, bytes, start, end);
    // The next step, admission, has its own time.
    this.#deadline?.refresh();
    const verdict = this.#context.admit({ key: client.key, info: client.info, address: this.origin.address });
    if (!(verdict instanceof Promise)) {
      this.#settle(client, verdict);
      return;
    }
    this.#state = 'admitting';
    this.#reading.stop(NotRead.Admitting);
    const refused = (reason: string): Verdict => ({ admitted: false, reason });
    verdict.catch((error: unknown) => refused(String(error))).then((settled) => this.#settle(client, settled));
  }

  /** Keeps what a client sends while it is being admitted, within bounds. */
  #hold(bytes: Buffer, start: number, end: number, type: number): void {
    this.#heldBytes += end - start;
    if (this.#heldBytes > defaults.heldWhileAdmitting) {
      throw new ProtocolError('unexpected-frame', `too many bytes before admission (frame type ${type})`);
    }
    this.#held ??= [];
    this.#held.push(Buffer.from(bytes.subarray(start, end)));
  }

  #settle(client: ProvenClient, verdict: Verdict): void {
    if (this.#state === 'closed') return;
    const waited = this.#state === 'admitting';
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
    const { counters, log, switchboard, keepAlives, clientRates } = this.#context;
    const { address, port, way, idealNode } = this.origin;
    if (!verdict.admitted) {
      counters.loginsRefused++;
      log.info('client_refused', { key: shortKey(client.key), address, reason: verdict.reason });
      this.close();
      return;
    }
    this.#state = 'active';
    this.#key = client.key;
    this.#peer = switchboard.register(this, client.key);
    this.#answersPings = client.info.canAckPings;
    this.#connectedAt = performance.now();
    this.#leaveKeepAlives = keepAlives.add(this);
    this.origin.loggedIn?.();
    counters.logins[way]++;
    if (idealNode !== '') counters.clientsNotIdeal++;
    this.#reading.setRate(clientRates.rate);
    this.outbox.pushControl(makeServerInfo(client.shared, clientRates.serverInfo));
    log.info('client_connected', {
      key: shortKey(client.key),
      address,
      port,
      way,
      app: client.info.appName?.slice(0, 64),
      ideal_node: idealNode === '' ? undefined : idealNode.slice(0, 64),
    });
    if (!waited) return;
    const held = this.#held;
    this.#held = undefined;
    for (const frame of held ?? []) this.frame(frame[0]!, frame, FRAME_HEADER_LENGTH, frame.length);
    this.#reading.resume(NotRead.Admitting);
  }

  // --- frames to the client ---

  /**
   * A keep-alive, and for clients that answer pings a ping with it: TCP alone notices only after a quarter of an hour
   * that the other end has vanished without a word.
   */
  sendKeepAlive(): void {
    const { counters, keepAliveFrame, log } = this.#context;
    if (this.#answersPings) {
      if (this.#unanswered >= defaults.unansweredPings) {
        counters.vanished++;
        log.info('client_vanished', { key: this.#key && shortKey(this.#key), address: this.origin.address });
        this.close();
        return;
      }
      this.#unanswered++;
      this.outbox.pushControl(encodePing(randomBytes(PING_LENGTH)));
    }
    counters.keepAlivesSent++;
    this.outbox.pushControl(keepAliveFrame);
  }

  /** Tells the client that it cannot reach `peer` here, or not any more. */
  sendPeerGone(peer: Buffer, reason: PeerGoneReason): void {
    const { counters } = this.#context;
    if (reason === PeerGoneReason.Disconnected) counters.peerGoneDisconnected++;
    else counters.peerGoneNotHere++;
    this.outbox.pushControl(encodePeerGone(peer, reason));
  }

  /** Tells the client that the relay restarts; it comes back within `spreadMs`, at a moment of its own. */
  sendRestarting(spreadMs: number, tryForMs: number): void {
    this.outbox.pushControl(encodeRestarting(Math.floor(Math.random() * spreadMs), tryForMs));
  }

  written(): void {
    this.outbox.written();
  }

  // --- flow ---

  #pushBack(outbox: Outbox): void {
    if (this.#reading.stop(NotRead.PushedBack)) outbox.pushBack(this);
  }

  resumeAfterPushBack(): void {
    this.#reading.resume(NotRead.PushedBack);
  }

  setRate(rate: ClientRate | null): void {
    if (this.#state === 'active') this.#reading.setRate(rate);
  }

  sendServerInfo(): void {
    if (this.#state !== 'active') return;
    const { keyPair, clientRates } = this.#context;
    // Reckoned anew: that is rare, and the key would take memory for as long as the client is in.
    this.outbox.pushControl(makeServerInfo(sharedKey(keyPair, this.#key!), clientRates.serverInfo));
  }

  /** Disconnects the client if the write under way has been stuck for too long. Called at intervals. */
  checkWrite(now: number): void {
    const { writeTimeoutMs, counters, log } = this.#context;
    if (writeTimeoutMs === 0 || this.outbox.stuckFor(now) < writeTimeoutMs) return;
    counters.writeTimeouts++;
    log.info('client_too_slow', { key: this.#key && shortKey(this.#key), address: this.origin.address });
    this.close();
  }

  // --- the end ---

  /** Closes once what was written has left. */
  end(): void {
    this.#transport.end();
  }

  /** Closes at once. */
  close(): void {
    this.#transport.destroy();
    this.closed();
  }

  closed(): void {
    if (this.#state === 'closed') return;
    const wasActive = this.#state === 'active';
    this.#state = 'closed';
    clearTimeout(this.#deadline);
    this.#reading.close();
    this.#held = undefined;
    this.#lastPeer = undefined;
    this.#decoder.release();
    this.#context.sessions.delete(this);
    this.outbox.close();
    if (!wasActive) return;
    const { counters, log, switchboard } = this.#context;
    this.#leaveKeepAlives?.();
    this.#notePreferred(false);
    if (this.origin.idealNode !== '') counters.clientsNotIdeal--;
    switchboard.unregister(this, this.#peer!);
    log.info('client_disconnected', {
      key: shortKey(this.#key!),
      address: this.origin.address,
      seconds: Math.round((performance.now() - this.#connectedAt) / 1000),
    });
  }
}

/** Whether the 32 bytes at `offset` are `key`. A loop: for so few bytes it is cheaper than a call out of JavaScript. */
function sameKey(key: Buffer, bytes: Buffer, offset: number): boolean {
  for (let i = 0; i < KEY_LENGTH; i++) if (key[i] !== bytes[offset + i]) return false;
  return true;
}
