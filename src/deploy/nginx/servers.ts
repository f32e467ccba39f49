/** The servers of an nginx configuration, and where they listen. */
import { blockOf, type NginxConfiguration, named } from './configuration.ts';
import type { Directive } from './directives.ts';
import { type Listen, readListen } from './listen.ts';

/** A `server` block. */
export interface NginxServer {
  kind: 'http' | 'stream';
  directive: Directive;
  /** Those of `server_name`, in lower case, as written: with wildcards and expressions. */
  names: readonly string[];
  listens: readonly Listen[];
}

function serversIn(block: Directive | undefined, kind: NginxServer['kind']): NginxServer[] {
  return named(block?.block, 'server').map((directive) => ({
    kind,
    directive,
    names: named(directive.block, 'server_name').flatMap(({ args }) => args.map((name) => name.toLowerCase())),
    listens: named(directive.block, 'listen').flatMap((listen) => readListen(listen) ?? []),
  }));
}

/** All servers, of websites and of streams. */
export function serversOf({ main }: NginxConfiguration): NginxServer[] {
  return [...serversIn(blockOf(main, 'http'), 'http'), ...serversIn(blockOf(main, 'stream'), 'stream')];
}
