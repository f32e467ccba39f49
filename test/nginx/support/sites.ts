/** Websites on a machine's nginx: two with TLS and certificates of their own, one in plain HTTP, each with its own log. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Machine } from '../../vps/support/machine.ts';

/** The sites with TLS. */
export const ALPHA = 'alpha.example.test';
export const BETA = 'beta.example.test';
/** The one without. */
export const PLAIN = 'plain.example.test';

/** A certificate of nobody's, good for a test. */
async function selfSigned(name: string): Promise<{ cert: string; key: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'derp-site-'));
  try {
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    await execa('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'],
      ...['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`, '-keyout', key, '-out', cert],
    ]);
    return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A site's `server` block. Alpha is the default site of both families; beta is on IPv4 alone. */
export function tlsSite(name: string): string {
  const listens =
    name === ALPHA
      ? ['listen 443 ssl http2 default_server;', 'listen [::]:443 ssl http2 default_server;']
      : ['listen 443 ssl; # managed by Certbot'];
  return `server {
${listens.map((line) => `    ${line}`).join('\n')}
    server_name ${name};
    ssl_certificate /etc/nginx/tls/${name}.crt;
    ssl_certificate_key /etc/nginx/tls/${name}.key;
    access_log /var/log/nginx/${name}.log;
    root /srv/www/${name};
    location = /who { default_type text/plain; return 200 "$remote_addr"; }
}
`;
}

/** Makes the sites and has nginx serve them. */
export async function makeSites(machine: Machine): Promise<void> {
  for (const name of [ALPHA, BETA]) {
    const { cert, key } = await selfSigned(name);
    await machine.writeFile(`/etc/nginx/tls/${name}.crt`, cert);
    await machine.writeFile(`/etc/nginx/tls/${name}.key`, key, 0o600);
    await machine.writeFile(`/srv/www/${name}/index.html`, `${name}\n`);
    await machine.writeFile(`/srv/www/${name}/folder/index.html`, `folder of ${name}\n`);
    await machine.writeFile(`/etc/nginx/sites-available/${name}`, tlsSite(name));
    await machine.shell(`ln -sf ../sites-available/${name} /etc/nginx/sites-enabled/${name}`);
  }
  await machine.writeFile(`/srv/www/${PLAIN}/index.html`, `${PLAIN}\n`);
  await machine.writeFile(
    `/etc/nginx/sites-enabled/${PLAIN}`,
    `server {\n    listen 80;\n    server_name ${PLAIN};\n    root /srv/www/${PLAIN};\n}\n`,
  );
  await machine.shell('nginx -t && systemctl restart nginx');
}

/** What a visitor from outside the machine gets. */
export interface Visit {
  status: number;
  body: string;
  /** Where it is redirected to. */
  location: string;
  /** The subject of the certificate that was shown. */
  subject: string;
}

/** Visits a site as a browser would that trusts everybody; without a name, the address itself. */
export async function visit(
  address: string,
  name: string | undefined,
  { path = '/', port = 443 }: { path?: string; port?: number } = {},
): Promise<Visit> {
  const bracketed = address.includes(':') ? `[${address}]` : address;
  const url = name === undefined ? `https://${bracketed}:${port}${path}` : `https://${name}:${port}${path}`;
  const { stdout, stderr } = await execa('curl', [
    ...['--silent', '--show-error', '--insecure', '--verbose', '--max-time', '10', '--noproxy', '*'],
    ...(name === undefined ? [] : ['--resolve', `${name}:${port}:${bracketed}`]),
    ...['--write-out', '\n%{http_code} %{redirect_url}', url],
  ]);
  const [, body = '', status, location = ''] = /^([\s\S]*)\n(\d+) (\S*)$/.exec(stdout) ?? [];
  const subject = /subject: CN ?= ?(\S+)/.exec(stderr)?.[1] ?? '';
  return { status: Number(status), body: body.trim(), location, subject };
}
