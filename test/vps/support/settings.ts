/** What scripts/test-real.mjs hands to the suite: what machines are made of, where to keep them, what to call them. */
import { join } from 'node:path';

/** The releases of Node that machines have, by major: 18 is what Debian 12 brings, too old for derp-setup. */
export type NodeMajor = 18 | 20 | 24 | 26;

/** All of them. */
export const nodeMajors: readonly NodeMajor[] = [18, 20, 24, 26];

/**
 * Which packages the machine was given: a small Debian with firewall programs, or that with nginx or Docker, started and
 * enabled.
 */
export type Image = 'bare' | 'nginx' | 'docker';

function fromScript(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run this suite by:  npm run test:real vps`);
  return value;
}

/** The file system that machines with this image begin with. It is shared, and never written to. */
export function imageFolder(image: Image): string {
  if (image === 'docker') return join(dockerFolder(), 'machine');
  return join(fromScript('DERP_VPS_MACHINES'), 'images', image);
}

/** What scripts/real-docker.mjs has made: the machine, and the image of Node for its containers. */
export function dockerFolder(): string {
  return fromScript('DERP_DOCKER_MACHINE');
}

/** The second generation of Compose, as `cmd`. */
export function composeFolder(): string {
  return fromScript('DERP_DOCKER_COMPOSE');
}

/** A release of Node with its npm, laid out as in its own archive. */
export function runtimeFolder(major: NodeMajor): string {
  return join(fromScript('DERP_VPS_MACHINES'), `node-${major}`);
}

/** Tailscale's own programs, built from the pins in test/interop. */
export function toolsFolder(): string {
  return fromScript('DERP_INTEROP_TOOLS');
}

/** The npm packages that bring Node 24 when npx is asked for node@24. */
export function runtimePackages(): string {
  return join(fromScript('DERP_VPS_MACHINES'), 'packages');
}

/** The folder for what the machines of this run change. The script removes it whatever happens. */
export function runningFolder(): string {
  return fromScript('DERP_VPS_RUNNING');
}

/** The folder of this run for logs and transcripts, kept when a test has failed. */
export function workFolder(): string {
  return fromScript('DERP_VPS_WORK');
}

/** What the names of all namespaces and control groups of this run begin with, by which the script finds them. */
export function namePrefix(): string {
  return fromScript('DERP_VPS_PREFIX');
}
