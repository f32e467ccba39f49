/** Why a port that nginx has cannot be shared by editing its configuration: codes and facts. */

/** A place in a file, for people to go to. */
export interface Place {
  file: string;
  line: number;
}

/** What a person would have to write where it must be done by hand. */
export interface ByHand {
  host: string;
  port: number;
  relayPort: number;
}

export type NginxObstacle =
  /** There is no nginx, or none that can be asked. */
  | { code: 'nginx-missing' }
  | { code: 'nginx-stopped' }
  /** Another nginx than the one that `nginx` starts has the port, as in a container. */
  | { code: 'nginx-other'; pid: number }
  /** It refuses its own configuration, before anything was done to it. */
  | { code: 'nginx-test-fails'; said: readonly string[] }
  | { code: 'nginx-too-old'; version: string; first: string }
  /** `absent`: no package brings it yet; `not-loaded`: it is there, and no `load_module` names it. */
  | { code: 'nginx-no-stream'; state: 'absent' | 'not-loaded'; package: string | undefined; module: string }
  | { code: 'nginx-no-real-ip' }
  /** A part of the configuration that is not understood here. */
  | ({ code: 'nginx-unread'; problem: string } & Place)
  /** No site is served on that port. */
  | { code: 'nginx-port-unused'; port: number }
  /** The host is an address of a family in which nginx serves nothing on the port. */
  | { code: 'nginx-family'; host: string; port: number; family: 4 | 6 }
  /** Somebody's own stream server has the port. */
  | ({ code: 'nginx-own-stream' } & ByHand & Place)
  /** That server leads to the relay already, but at another port than the one that was named. */
  | { code: 'nginx-other-relay-port'; relayPort: number; named: number }
  /** A `listen` that cannot be moved: by name, with a range of ports, or behind another proxy. */
  | ({ code: 'nginx-odd-listen'; text: string; why: 'name' | 'range' | 'proxy-protocol' } & ByHand & Place)
  /** A site has the host's name. */
  | ({ code: 'nginx-name-taken'; host: string } & Place)
  /** A site takes its clients' addresses from somewhere else, such as a CDN's header. */
  | ({ code: 'nginx-real-ip'; text: string } & ByHand & Place)
  /** A file that must be edited, and must not be. `panel`: what writes it, where that is known. */
  | { code: 'nginx-generated'; file: string; panel: string }
  | { code: 'nginx-file'; file: string; why: 'lua' | 'not-utf8' | 'hard-link' | 'not-writable' };

export type NginxObstacleCode = NginxObstacle['code'];
