/** The text of `derp-relay -help`. */
import { flagSpecs } from '../../setup/derper-flags/flags.ts';

/** The help, by the flags themselves. */
export function relayHelp(program: string): string {
  const terms = Object.values(flagSpecs).map((spec) => ({
    term: 'placeholder' in spec ? `-${spec.name} <${spec.placeholder}>` : `-${spec.name}`,
    help: spec.help,
  }));
  const width = Math.max(...terms.map(({ term }) => term.length));
  return [
    `${program} ${__VERSION__}: a DERP relay and STUN server, by derper's flags`,
    '',
    'Examples:',
    `  ${program} -hostname derp.example.com              with a certificate of Let's Encrypt`,
    `  ${program} -certmode manual -certdir /etc/derp-setup/certs -hostname derp.example.com -c /var/lib/derp-setup/derper.key`,
    `  ${program} -a 127.0.0.1:8080 -c ./derper.key        plain HTTP, behind something that ends TLS`,
    `  ${program} -verify-client-url https://headscale.example.com/verify …        only nodes that Headscale knows`,
    `  ${program} --config relay.json`,
    '',
    'Flags (with one hyphen or two; switches take their value behind "=": -stun=false):',
    ...terms.map(({ term, help }) => `  ${term.padEnd(width)}  ${help}`),
    '',
    "derper's flags for a mesh are refused, because this version cannot honour them.",
    "What no flag says may be said by the variables of derper's images: DERP_DOMAIN, DERP_CERT_MODE, DERP_VERIFY_CLIENTS and so on.",
    'SIGHUP reads the certificate, the address lists, the key file and the rate file again, and asks again about the clients that are in; certificate and address lists are also read by themselves when their files change. SIGTERM and SIGINT tell the clients, then end.',
    'Exit codes: 0 ended when asked to, 1 failed, 2 bad usage or input.',
  ].join('\n');
}
