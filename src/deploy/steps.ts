/** What a plan is made of: steps that are data, so that they can be shown, compared and tested before any is taken. */

/** Makes a directory, and those above it, unless it is there. */
export interface DirectoryStep {
  kind: 'directory';
  path: string;
  mode: number;
}

/** What a written file is for, to be named in reports. */
export type FilePurpose = 'relay-key' | 'certificate' | 'certificate-key' | 'derp-map' | 'headscale-map' | 'config';

/** Writes a whole file; nothing is done where the same content is there with the same mode. */
export interface FileStep {
  kind: 'file';
  purpose: FilePurpose;
  path: string;
  mode: number;
  content: string;
  /** The content must never be shown. */
  secret: boolean;
}

export type Step = DirectoryStep | FileStep;

export const PRIVATE_FILE = 0o600;
export const PUBLIC_FILE = 0o644;
export const PRIVATE_DIRECTORY = 0o700;
export const PUBLIC_DIRECTORY = 0o755;

/** A step that makes a directory. */
export function directoryStep(path: string, mode = PUBLIC_DIRECTORY): DirectoryStep {
  return { kind: 'directory', path, mode };
}

/** A step that writes a file for everybody to read. */
export function publicFileStep(purpose: FilePurpose, path: string, content: string): FileStep {
  return { kind: 'file', purpose, path, mode: PUBLIC_FILE, content, secret: false };
}

/** A step that writes a file for the owner alone. */
export function secretFileStep(purpose: FilePurpose, path: string, content: string): FileStep {
  return { kind: 'file', purpose, path, mode: PRIVATE_FILE, content, secret: true };
}
