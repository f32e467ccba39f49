/** What of the websites on a port, and of their files, is in the way of moving them. */
import { isIP } from 'node:net';
import { blockOf, findDeep, type NginxConfiguration } from './configuration.ts';
import type { Directive } from './directives.ts';
import { generatedBy } from './generated-file.ts';
import type { Listen } from './listen.ts';
import type { ByHand, NginxObstacle, Place } from './obstacle.ts';
import type { Site, SourceFile } from './sites.ts';

const REAL_IP = ['set_real_ip_from', 'real_ip_header', 'real_ip_recursive'];

/** Where a directive stands, for people. */
export const placeIn = ({ file, line }: Directive): Place => ({ file, line });

/** What is wrong with one `listen` that would have to move. */
export function oddity({ isName, ports, options }: Listen) {
  if (isName) return 'name';
  if (ports[0] !== ports[1]) return 'range';
  return options.includes('proxy_protocol') ? 'proxy-protocol' : undefined;
}

/** Whether clients of a bare address would meet nobody. */
function familyObstacle(sites: readonly Site[], { host, port }: ByHand): NginxObstacle[] {
  const family = isIP(host);
  if (family === 0) return [];
  const isServed = sites.some(({ listens }) =>
    listens.some(({ address, options }) => isIP(address) === family || options.includes('ipv6only=off')),
  );
  return isServed ? [] : [{ code: 'nginx-family', host, port, family: family as 4 | 6 }];
}

/** What the sites themselves have against it. */
export function siteObstacles(sites: readonly Site[], { main }: NginxConfiguration, byHand: ByHand): NginxObstacle[] {
  const found: NginxObstacle[] = familyObstacle(sites, byHand);
  for (const { server, listens } of sites) {
    for (const listen of listens) {
      const why = oddity(listen);
      const text = `listen ${listen.directive.args.join(' ')}`;
      if (why) found.push({ code: 'nginx-odd-listen', text, why, ...byHand, ...placeIn(listen.directive) });
    }
    if (server.names.includes(byHand.host)) {
      found.push({ code: 'nginx-name-taken', host: byHand.host, ...placeIn(server.directive) });
    }
  }
  const inHttp = (blockOf(main, 'http')?.block ?? []).find(({ name }) => REAL_IP.includes(name));
  const inSites = sites.flatMap(
    ({ server }) => findDeep(server.directive.block ?? [], ({ name }) => REAL_IP.includes(name)) ?? [],
  );
  for (const directive of inHttp ? [inHttp] : inSites) {
    const text = [directive.name, ...directive.args].join(' ');
    found.push({ code: 'nginx-real-ip', text, ...byHand, ...placeIn(directive) });
  }
  return found;
}

/** What is in the way of editing a file. */
function fileObstacle(file: SourceFile, hasLua: boolean): NginxObstacle | undefined {
  const why = file.unfit ?? (hasLua ? 'lua' : undefined);
  if (why !== undefined) return { code: 'nginx-file', file: file.realPath, why };
  const panel = generatedBy(file.realPath, file.text);
  return panel === undefined ? undefined : { code: 'nginx-generated', file: file.realPath, panel };
}

/** Files, by nginx's name, that have a block of Lua. */
function luaFiles(directives: readonly Directive[], found = new Set<string>()): Set<string> {
  for (const { foreign, file, block } of directives) {
    if (foreign) found.add(file);
    luaFiles(block ?? [], found);
  }
  return found;
}

/** The files that would be edited and cannot or should not be. */
export function unfitFiles(
  files: readonly SourceFile[],
  { main }: NginxConfiguration,
  edits: readonly { path: string }[],
): NginxObstacle[] {
  const lua = luaFiles(main);
  return edits.flatMap(({ path }) => {
    const known = files.filter(({ realPath }) => realPath === path);
    return (
      fileObstacle(
        known[0]!,
        known.some((file) => lua.has(file.path)),
      ) ?? []
    );
  });
}
