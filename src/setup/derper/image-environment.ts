/**
 * Popular images of derper take their settings from variables. Where the process's own arguments cannot be seen,
 * because the container is stopped, these say the most.
 */

/** For each flag, the variables by which the images name it; the first that is set counts. */
const VARIABLES: Record<string, readonly string[]> = {
  hostname: ['DERP_DOMAIN', 'DERP_HOSTNAME', 'DERP_HOST', 'DERPER_DOMAIN', 'DERPER_HOSTNAME'],
  certmode: ['DERP_CERT_MODE', 'DERPER_CERT_MODE'],
  certdir: ['DERP_CERT_DIR', 'DERP_CERTS', 'DERPER_CERT_DIR'],
  a: ['DERP_ADDR', 'DERPER_ADDR'],
  'http-port': ['DERP_HTTP_PORT', 'DERPER_HTTP_PORT'],
  'stun-port': ['DERP_STUN_PORT', 'DERPER_STUN_PORT'],
  stun: ['DERP_STUN', 'DERPER_STUN'],
  'verify-clients': ['DERP_VERIFY_CLIENTS', 'DERPER_VERIFY_CLIENTS'],
  'verify-client-url': ['DERP_VERIFY_CLIENT_URL', 'DERPER_VERIFY_CLIENT_URL'],
  home: ['DERP_HOME'],
};

const SECRET = /KEY|SECRET|TOKEN|PASS|PSK|AUTH/;

/** The variables that derper or its images read, without those that may hold a secret. */
export function relevantEnvironment(environment: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter(
      ([name]) => ['HOME', 'XDG_CACHE_HOME'].includes(name) || (/^DERP(ER)?_/.test(name) && !SECRET.test(name)),
    ),
  );
}

/** A command line with what the variables say; undefined where none of them is an image's. */
export function commandLineOfImage(environment: Record<string, string>): string[] | undefined {
  const flags = Object.entries(VARIABLES).flatMap(([flag, names]) => {
    const name = names.find((candidate) => (environment[candidate] ?? '') !== '');
    return name === undefined ? [] : [`-${flag}=${environment[name]}`];
  });
  if (flags.length === 0) return undefined;
  // Images for bare IP addresses (those with DERP_CERTS) have the mode in their command.
  const manual = environment.DERP_CERTS !== undefined && environment.DERP_CERT_MODE === undefined;
  return ['derper', ...flags, ...(manual ? ['-certmode=manual'] : [])];
}
