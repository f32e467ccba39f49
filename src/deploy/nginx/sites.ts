/** The websites on one port, and what they are asked to see that they are as they were. */
import { isIP } from 'node:net';
import type { NginxConfiguration } from './configuration.ts';
import { type Door, knockAddress } from './doors.ts';
import { type Listen, takesTcpPort } from './listen.ts';
import { type NginxServer, serversOf } from './servers.ts';

/** A file of nginx's configuration, without any changes of ours in it. */
export interface SourceFile {
  /** As nginx names it. */
  path: string;
  /** Links followed. */
  realPath: string;
  text: string;
  /** With them, as it is now. */
  current: string;
  /** Why it cannot be edited, if it cannot. */
  unfit?: 'not-utf8' | 'hard-link' | 'not-writable';
}

/** The sites on the port, each with its directives there. */
export interface Site {
  server: NginxServer;
  listens: Listen[];
}

/** A question that a site answers on the shared port, before and afterwards. */
export interface SiteCheck {
  /** Undefined: what is served to those who name no site. */
  name?: string;
  address: string;
  port: number;
  /** It was not there at the last run, so that who answers now may be another site. */
  isNew?: true;
}

/** Every server that listens on the port in TCP. */
export function sitesOn(configuration: NginxConfiguration, port: number): Site[] {
  return serversOf(configuration).flatMap((server): Site[] => {
    const listens = server.listens.filter((listen) => takesTcpPort(listen, port));
    return listens.length > 0 ? [{ server, listens }] : [];
  });
}

/** What each site answers now, asked by the names that are names. */
export function checksOf(sites: readonly Site[], host: string, port: number, doors: readonly Door[]): SiteCheck[] {
  const checks = new Map<string, SiteCheck>();
  const add = (address: string, name?: string) => {
    const knock = knockAddress(address);
    checks.set(`${name} ${knock}`, { ...(name !== undefined && { name }), address: knock, port });
  };
  if (isIP(host) === 0) for (const { address } of doors) add(address);
  for (const { server, listens } of sites) {
    const names = server.names.filter((name) => /^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(name) && isIP(name) === 0);
    for (const name of names) for (const { address } of listens) add(address, name.replace('*', 'www'));
  }
  return [...checks.values()];
}
