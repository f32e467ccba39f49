/** Where everything lives, below a root directory. These paths are promised to users and to other programs. */
import { join } from 'node:path';

/** The paths of an installation. */
export interface Layout {
  root: string;
  configDirectory: string;
  /** The answers of the last run, without secrets. */
  config: string;
  certificateDirectory: string;
  certificate(host: string): string;
  certificateKey(host: string): string;
  derpMap: string;
  headscaleMap: string;
  stateDirectory: string;
  /** The relay's own key, in derper's JSON form. */
  relayKey: string;
}

/** A host as derper spells it in file names: whatever is not a letter, digit, hyphen or dot is left out. */
export function certificateBaseName(host: string): string {
  return host.replace(/[^a-zA-Z0-9.-]/g, '');
}

/** The layout below `root`; `/` is the machine itself. */
export function layoutBelow(root: string): Layout {
  const configDirectory = join(root, 'etc/derp-setup');
  const certificateDirectory = join(configDirectory, 'certs');
  const stateDirectory = join(root, 'var/lib/derp-setup');
  return {
    root,
    configDirectory,
    config: join(configDirectory, 'config.json'),
    certificateDirectory,
    certificate: (host) => join(certificateDirectory, `${certificateBaseName(host)}.crt`),
    certificateKey: (host) => join(certificateDirectory, `${certificateBaseName(host)}.key`),
    derpMap: join(configDirectory, 'derp-map.json'),
    headscaleMap: join(configDirectory, 'headscale-derp.yaml'),
    stateDirectory,
    relayKey: join(stateDirectory, 'derper.key'),
  };
}
