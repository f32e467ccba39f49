/** derper's settings in variables, by which the popular images of derper take them. derper itself reads none. Pure. */
import { unquote } from '../answers/values.ts';

/** For each flag, the variables by which images name it; the first that is set counts. */
export const imageVariables: Readonly<Record<string, readonly string[]>> = {
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

/** Variables that begin like the images' and are about something else: our own, and the version of an image. */
const NOT_SETTINGS = /^DERP_SETUP_|^DERP(ER)?_VERSION$/;

/** What Kubernetes sets for a service: one called "derp-http" gives `DERP_HTTP_PORT=tcp://10.0.0.1:80`. */
const SERVICE_LINK = /^(tcp|udp|sctp):\/\//;

/** Flags that are about one run, and not for variables that stay. */
const NOT_BY_VARIABLE = ['version', 'help', 'h', 'config', 'dev'];

/** Whether these variables are those of an image whose command has `-certmode manual` in it, as the ones for bare IP addresses do. */
export function impliesManual(environment: Readonly<Record<string, string | undefined>>): boolean {
  return Boolean(environment.DERP_CERTS) && !environment.DERP_CERT_MODE;
}

/** What a variable says, as the text of a flag. */
export interface VariableText {
  flag: string;
  variable: string;
  text: string;
}

/** The variables that name a flag: those of the images, then the flag's own name. */
function variablesOf(flag: string): string[] {
  const name = flag.toUpperCase().replaceAll('-', '_');
  return [...new Set([...(imageVariables[flag] ?? []), `DERP_${name}`, `DERPER_${name}`])];
}

/**
 * What the variables say of these flags. An empty variable says nothing: that is how images and compose files leave one
 * out. `unknown`: the names of others that look as if they were meant for a relay.
 */
export function readFlagVariables(
  environment: Readonly<Record<string, string | undefined>>,
  flags: Iterable<string>,
): { texts: VariableText[]; unknown: string[] } {
  const isSaid = (name: string) => {
    const text = environment[name]?.trim() ?? '';
    return text !== '' && !SERVICE_LINK.test(text);
  };
  const texts: VariableText[] = [];
  const known = new Set<string>();
  for (const flag of flags) {
    if (NOT_BY_VARIABLE.includes(flag)) continue;
    const variables = variablesOf(flag);
    for (const variable of variables) known.add(variable);
    const variable = variables.find(isSaid);
    // Quotes of an env file that docker hands on as they are.
    if (variable !== undefined) texts.push({ flag, variable, text: unquote(environment[variable]!) });
  }
  if (impliesManual(environment)) texts.push({ flag: 'certmode', variable: 'DERP_CERTS', text: 'manual' });
  const unknown = Object.keys(environment).filter(
    (name) => /^DERP(ER)?_/.test(name) && !known.has(name) && !NOT_SETTINGS.test(name) && isSaid(name),
  );
  return { texts, unknown: unknown.sort() };
}
