import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import nacl from 'tweetnacl';
import { FrameDecoder } from '../../../src/protocol/frame-decoder.ts';
import { encodeFrame, encodeServerKey } from '../../../src/protocol/frame-encoder.ts';
import { FrameType } from '../../../src/protocol/frame-types.ts';

/** How a fake relay behaves; by default as a relay should. */
export interface Behaviour {
  /** Its answer to the HTTP request, by the request's head; undefined: silence. */
  answer?: (head: string) => string | undefined;
  /** What it says first in DERP, in place of ServerKey. */
  greeting?: Buffer;
  /** What it does when ClientInfo comes: sends ServerInfo, hangs up, or nothing. */
  onLogin?: 'admit' | 'hang up' | 'nothing';
  /** It does not close its side when the client closes its own. */
  staysOpen?: boolean;
}

/** A plain-TCP relay for one client at a time that does what a test tells it to; its boxes are tweetnacl's. */
export class FakeRelay implements AsyncDisposable {
  readonly keys = nacl.box.keyPair();
  /** Frames received, in order: type and payload. */
  readonly frames: { type: number; payload: Buffer }[] = [];
  /** The opened JSON of the last login. */
  clientInfo: unknown;
  /** The head of the last request. */
  head = '';
  socket: Socket | undefined;
  readonly #server: Server;
  readonly #behaviour: Behaviour;
  #waiting: (() => void)[] = [];

  private constructor(behaviour: Behaviour) {
    this.#behaviour = behaviour;
    this.#server = createServer({ allowHalfOpen: behaviour.staysOpen ?? false }, (socket) => this.#accept(socket));
  }

  static async start(behaviour: Behaviour = {}): Promise<FakeRelay> {
    const relay = new FakeRelay(behaviour);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get publicKey(): Buffer {
    return Buffer.from(this.keys.publicKey);
  }

  /** Sends raw bytes to the client. */
  send(bytes: Uint8Array): void {
    this.socket!.write(bytes);
  }

  /** The first frame of this type that has arrived or will. */
  async frame(type: number): Promise<Buffer> {
    for (;;) {
      const found = this.frames.find((frame) => frame.type === type);
      if (found) return found.payload;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket?.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(socket: Socket): void {
    this.socket = socket;
    socket.on('error', () => {});
    let head = Buffer.alloc(0);
    const decoder = new FrameDecoder({
      admit: () => 'read',
      frame: (type, bytes, start, end) => this.#take(type, Buffer.from(bytes.subarray(start, end))),
    });
    const onHead = (chunk: Buffer) => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      socket.off('data', onHead);
      this.head = head.toString('latin1', 0, end);
      const answer = this.#behaviour.answer ? this.#behaviour.answer(this.head) : defaultAnswer(this.head);
      if (answer === undefined) return;
      socket.write(answer);
      if (answer !== '' && !answer.startsWith('HTTP/1.1 101')) {
        socket.end();
        return;
      }
      socket.write(this.#behaviour.greeting ?? encodeServerKey(this.keys.publicKey));
      socket.on('data', (bytes: Buffer) => decoder.push(bytes));
      if (head.length > end + 4) decoder.push(head.subarray(end + 4));
    };
    socket.on('data', onHead);
  }

  #take(type: number, payload: Buffer): void {
    this.frames.push({ type, payload });
    if (type === FrameType.ClientInfo) this.#logIn(payload);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #logIn(payload: Buffer): void {
    const [key, nonce, box] = [payload.subarray(0, 32), payload.subarray(32, 56), payload.subarray(56)];
    const opened = nacl.box.open(box, nonce, key, this.keys.secretKey);
    this.clientInfo = opened && JSON.parse(Buffer.from(opened).toString());
    const { onLogin = 'admit' } = this.#behaviour;
    if (onLogin === 'nothing') return;
    if (onLogin === 'hang up' || !opened) {
      this.socket!.end();
      return;
    }
    const answerNonce = nacl.randomBytes(24);
    const json = Buffer.from(JSON.stringify({ version: 2, TokenBucketBytesPerSecond: 1000 }));
    this.send(encodeFrame(FrameType.ServerInfo, answerNonce, nacl.box(json, answerNonce, key, this.keys.secretKey)));
  }
}

function defaultAnswer(head: string): string {
  if (/^derp-fast-start: 1$/im.test(head)) return '';
  return 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n';
}
