/** The other end of a connection. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** An IPv4 address that arrived at an IPv6 socket, `::ffff:192.0.2.1`, as itself; any other unchanged. */
export function unmapAddress(address: string): string {
  return /^::ffff:\d/i.test(address) ? address.slice(7) : address;
}

/** The other end of a socket. */
export function endpointOf(socket: { remoteAddress?: string | undefined; remotePort?: number | undefined }): Endpoint {
  return { address: unmapAddress(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 };
}
