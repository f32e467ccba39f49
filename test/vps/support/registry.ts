/**
 * An npm registry with derp-setup, as packed, and the packages that bring Node 24: so that a machine without a way out can
 * run the very commands that the README tells, `npx derp-setup` and `npx -y -p node@24 -p derp-setup derp-setup`.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { mustOnHost } from './commands.ts';
import type { Machine } from './machine.ts';
import { packageFolder } from './package.ts';
import { runtimePackages } from './settings.ts';

/** A running registry. */
export interface Registry {
  readonly url: string;
  /** The environment by which npm uses it, as people do who use a mirror. */
  readonly env: Readonly<Record<string, string>>;
  /** What it was asked for, method and path. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** A package in one version: what npm reads of it before it downloads it, and the download. */
interface Published {
  manifest: { name: string; version: string };
  file: string;
  integrity: string;
}

/** Starts a registry at the host's end of the machine's cable. */
export async function startRegistry(machine: Machine): Promise<Registry> {
  const packages = await Promise.all([packageFolder(), runtimePackages()].flatMap(filesIn).map(publish));
  const requests: string[] = [];
  let url = '';
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const asked = decodeURIComponent(request.url ?? '').slice(1);
    const download = packages.find(({ manifest }) => asked === downloadPath(manifest));
    const found = packages.find(({ manifest }) => asked === manifest.name);
    if (download) response.end(readFileSync(download.file));
    else if (found)
      response.setHeader('content-type', 'application/json').end(JSON.stringify(describePackage(found, url)));
    else response.writeHead(404).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, machine.host.ipv4, resolve));
  url = `http://${machine.host.ipv4}:${(server.address() as AddressInfo).port}`;
  return {
    url,
    env: { npm_config_registry: url },
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function filesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.tgz'))
    .map((name) => join(folder, name));
}

async function publish(file: string): Promise<Published> {
  const manifest = JSON.parse(await mustOnHost(['tar', '-xOzf', file, 'package/package.json']));
  const digest = createHash('sha512').update(readFileSync(file)).digest('base64');
  return { manifest, file, integrity: `sha512-${digest}` };
}

function downloadPath({ name, version }: Published['manifest']): string {
  return `${name}/-/${name}-${version}.tgz`;
}

/** A package as a registry describes it, with its one version. */
function describePackage({ manifest, integrity }: Published, url: string) {
  const { name, version } = manifest;
  const dist = { tarball: `${url}/${downloadPath(manifest)}`, integrity };
  return { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } };
}
