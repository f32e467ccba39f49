/** What proves who somebody is: boxes and their JSON. */
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { sharedKey } from '../../../src/protocol/box.ts';
import { ProtocolError } from '../../../src/protocol/errors.ts';
import { keyPairOf } from '../../../src/protocol/keys.ts';
import { parseClientInfoJson, parseServerInfoJson } from '../../../src/protocol/login.ts';
import { checkLoginFrame } from '../../../src/relay/sessions/frame-rules.ts';
import { readClientInfo } from '../../../src/relay/sessions/login.ts';
import { mutateBytes, mutateJsonText } from '../mutate.ts';
import type { Random } from '../random.ts';
import { attempt, type FuzzTarget, promise, readerTarget } from '../target.ts';

const relayKey = keyPairOf(Buffer.alloc(32, 0x42));
const clientKey = keyPairOf(Buffer.alloc(32, 0x17));
const shared = sharedKey(clientKey, relayKey.publicKey);
const clientInfo = { version: 2, meshKey: 'ab'.repeat(32), CanAckPings: true, IsProber: false, AppName: 'derp' };
const serverInfo = { version: 2, TokenBucketBytesPerSecond: 1000, TokenBucketBytesBurst: 70_000 };

/** A ClientInfo payload: mostly a right box around JSON that may be wrong, sometimes a box that is not. */
function makeClientInfo(random: Random): Buffer {
  const nonce = random.bytes(24);
  const box = xsalsa20poly1305(shared, nonce).encrypt(mutateJsonText(random, clientInfo));
  const payload = Buffer.concat([clientKey.publicKey, nonce, box]);
  return random.oneIn(3) ? mutateBytes(random, payload) : payload;
}

export const loginTargets: readonly FuzzTarget[] = [
  {
    name: 'ClientInfo box',
    share: 1,
    make: makeClientInfo,
    check: (input) => {
      const client = attempt(() => {
        checkLoginFrame(2, input.length);
        return readClientInfo(relayKey, input, 0, input.length);
      }, ProtocolError);
      if (client instanceof ProtocolError) return false;
      promise(client.key.equals(input.subarray(0, 32)), () => 'another key was proved than the one that was shown');
      return true;
    },
  },
  readerTarget(
    'ClientInfo JSON',
    8,
    (random) => mutateJsonText(random, clientInfo),
    (input) => {
      const { version, canAckPings, isProber, meshKey, appName } = parseClientInfoJson(input);
      const types = [typeof version, typeof canAckPings, typeof isProber].join();
      promise(types === 'number,boolean,boolean', () => `fields of types ${types}`);
      for (const one of [meshKey, appName]) promise(one === undefined || typeof one === 'string', () => 'not a text');
      return true;
    },
    ProtocolError,
  ),
  readerTarget(
    'ServerInfo JSON',
    5,
    (random) => mutateJsonText(random, serverInfo),
    parseServerInfoJson,
    ProtocolError,
  ),
];
