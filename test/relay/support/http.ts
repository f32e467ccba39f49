import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** An HTTP answer, header names in lower case. */
export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** How a request is sent. */
export interface AskOptions {
  tls?: boolean;
  host?: string;
  /** More lines for the head, each with its CRLF. */
  headers?: string;
  /** What goes ahead of everything, even of TLS. */
  preamble?: Buffer;
}

/** Sends `GET /path` or the like and reads the answer until the relay closes. */
export async function ask(port: number, what: string, options: AskOptions = {}): Promise<Answer> {
  const { headers = '' } = options;
  const host = /^host:/im.test(headers) ? '' : 'Host: 127.0.0.1\r\n';
  return askRaw(port, `${what} HTTP/1.1\r\n${host}${headers}Connection: close\r\n\r\n`, options);
}

/** Sends these very bytes and reads the answer until the relay closes. */
export async function askRaw(port: number, request: string | Buffer, options: AskOptions = {}): Promise<Answer> {
  const { tls = true, host = '127.0.0.1', preamble } = options;
  const tcp = connectTcp({ port, host });
  if (preamble) tcp.write(preamble);
  const socket = tls ? connectTls({ socket: tcp, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] }) : tcp;
  socket.setTimeout(5000, () => socket.destroy(new Error('no answer after 5 s')));
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write(request);
  await once(socket, 'close');
  return parseAnswer(Buffer.concat(chunks).toString('latin1'));
}

/** Splits an answer into its parts. @throws when it is none */
export function parseAnswer(text: string): Answer {
  const end = text.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(statusLine);
  if (end < 0 || status === null) throw new Error(`not an HTTP answer: ${JSON.stringify(text.slice(0, 200))}`);
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { status: Number(status[1]), headers, body: text.slice(end + 4) };
}
