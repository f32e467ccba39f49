import { constants } from 'node:crypto';
import type { TlsOptions } from 'node:tls';

/** How TLS is spoken on the DERP port. */
export const tlsOptions: TlsOptions = {
  minVersion: 'TLSv1.2',
  ALPNProtocols: ['http/1.1'],
  // AES-128 first, as Go's servers choose: it costs less per packet and what it carries is encrypted already. Clients
  // that put ChaCha20 first have no AES in hardware, and get it.
  ciphers: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_CHACHA20_POLY1305_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
  ].join(':'),
  honorCipherOrder: true,
  secureOptions: constants.SSL_OP_PRIORITIZE_CHACHA,
};
