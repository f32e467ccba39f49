import { PROTOCOL_VERSION } from '../../protocol/frame-types.ts';
import { formatUntypedKey } from '../../protocol/keys.ts';

/** The answer to a DERP upgrade without fast start; the binary protocol follows. */
export function switchingProtocols(relayKey: Uint8Array): Buffer {
  return Buffer.from(
    'HTTP/1.1 101 Switching Protocols\r\n' +
      'Upgrade: DERP\r\n' +
      'Connection: Upgrade\r\n' +
      `Derp-Version: ${PROTOCOL_VERSION}\r\n` +
      `Derp-Public-Key: ${formatUntypedKey(relayKey)}\r\n\r\n`,
  );
}

/** What an `Upgrade` request asks for. */
export type UpgradeKind = 'derp' | 'websocket' | 'unknown';

/**
 * Tells a DERP upgrade from a WebSocket one. Very old clients said `Upgrade: WebSocket` and then spoke DERP's framing
 * all the same: only those that name `derp` as a subprotocol mean it. Source: `derpserver/websocket.go`.
 */
export function upgradeKind(upgrade: string | undefined, subprotocols: string | undefined): UpgradeKind {
  switch (upgrade?.toLowerCase()) {
    case 'derp':
      return 'derp';
    case 'websocket':
      return splitList(subprotocols).includes('derp') ? 'websocket' : 'derp';
    default:
      return 'unknown';
  }
}

function splitList(header: string | undefined): string[] {
  return (header ?? '').split(',').map((item) => item.trim());
}
