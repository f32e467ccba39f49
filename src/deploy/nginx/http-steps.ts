/** The steps by which nginx, where it has port 80, hands on what comes there for the relay. */
import { publicFileStep, type Step } from '../steps.ts';

/** The files that nginx reads. */
export interface NginxFiles {
  file?: { path: string; content: string };
  /** Those of earlier runs that are not needed any more. */
  obsolete: readonly string[];
}

/** Writes the file. */
export function nginxFileSteps({ file }: NginxFiles): Step[] {
  return file === undefined ? [] : [publicFileStep('nginx-config', file.path, file.content)];
}

/** Has nginx do what its files say. */
export function nginxReloadSteps({ file, obsolete }: NginxFiles): Step[] {
  const removals = obsolete.map((path): Step => ({ kind: 'remove', what: 'file', path }));
  const reloadFor = [...obsolete, ...(file ? [file.path] : [])];
  if (reloadFor.length === 0) return [];
  // Where nothing is asked of nginx any more, it may be gone.
  return [...removals, { kind: 'nginx', reloadFor, ...(file === undefined && { isOptional: true as const }) }];
}
