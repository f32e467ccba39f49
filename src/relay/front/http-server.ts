import { createServer, type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { defaults } from '../defaults.ts';
import type { Noise } from '../noise.ts';

/** node:http with the limits that every one of our HTTP servers has. Bad requests are answered, closed and counted. */
export function createLimitedHttpServer(noise: Noise): Server {
  const server = createServer({
    maxHeaderSize: defaults.maxRequestHead,
    headersTimeout: defaults.loginStepTimeout,
    requestTimeout: defaults.httpConnectionTimeout,
    connectionsCheckingInterval: 1000,
    keepAliveTimeout: 5000,
    highWaterMark: 16_384,
  });
  server.maxHeadersCount = 64;
  server.maxRequestsPerSocket = 100;
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    noise.count(error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'http_timeout' : 'bad_http_request');
    // Whoever hung up in the middle reads no answer, and a write to a connection that was reset may never end.
    if (error.code === 'HPE_INVALID_EOF_STATE' || error.code === 'ECONNRESET') socket.destroy();
    else refuse(socket, error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400);
  });
  return server;
}

/** Answers a request that will not be served, and closes. */
export function refuse(socket: Duplex, status: number, headers = ''): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = `${STATUS_CODES[status]}\n`;
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n${headers}Content-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

/** One header as text, however often it came. */
export function headerOf(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : (value ?? '');
}
