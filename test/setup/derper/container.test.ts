import { describe, expect, it } from 'vitest';
import { readCgroup } from '../../../src/setup/derper/cgroup.ts';
import { findDerperCommand } from '../../../src/setup/derper/command.ts';
import { parseStopped } from '../../../src/setup/derper/container-engine.ts';
import { hostPathOf, hostPortOf, parseInspection } from '../../../src/setup/derper/container-facts.ts';
import { containerUnits } from '../../../src/setup/derper/container-unit.ts';
import { hostPortsOf } from '../../../src/setup/derper/host-ports.ts';
import { commandLineOfImage, relevantEnvironment } from '../../../src/setup/derper/image-environment.ts';
import { readDerperSettings } from '../../../src/setup/derper/settings.ts';
import { containerDerper, factsOf } from './fixtures.ts';

const id = 'c6d11551e429a9e06169d578cf51d9c553285dca43eb0678e17c0122ad733d10';
const user = '/user.slice/user-1000.slice/user@1000.service';

describe('readCgroup', () => {
  it.each([
    ['a service', '0::/system.slice/derper.service\n', { unit: 'derper.service' }],
    ['a template', '0::/system.slice/system-derper.slice/derper@hk.service\n', { unit: 'derper@hk.service' }],
    ['cgroup v1', '5:cpu:/\n1:name=systemd:/system.slice/derper.service\n0::/\n', { unit: 'derper.service' }],
    ['a login', '0::/user.slice/user-0.slice/session-3.scope\n', {}],
    ["a user's service", `0::${user}/app.slice/derper.service\n`, {}],
    ['docker with systemd', `0::/system.slice/docker-${id}.scope\n`, { container: { engine: 'docker', id } }],
    ['docker with cgroupfs', `9:pids:/docker/${id}\n0::/docker/${id}\n`, { container: { engine: 'docker', id } }],
    ['docker with a parent', `0::/relays/${id}\n`, { container: { engine: 'docker', id } }],
    ['rootless docker', `0::${user}/user.slice/docker-${id}.scope\n`, { container: { engine: 'docker', id } }],
    ['podman', `0::/machine.slice/libpod-${id}.scope/container\n`, { container: { engine: 'podman', id } }],
    [
      'podman in a unit',
      `0::/system.slice/derper.service/libpod-payload-${id}\n`,
      { container: { engine: 'podman', id }, unit: 'derper.service' },
    ],
    ['nerdctl', `0::/system.slice/nerdctl-${id}.scope\n`, { container: { engine: 'containerd', id } }],
    [
      'kubernetes',
      `0::/kubepods.slice/kubepods-besteffort.slice/cri-containerd-${id}.scope\n`,
      { container: { engine: 'other', id } },
    ],
    ['kubernetes on docker', `0::/kubepods/besteffort/podx/docker/${id}\n`, { container: { engine: 'other', id } }],
    ['nothing', '', {}],
  ])('%s', (_, text, expected) => {
    expect(readCgroup(text)).toEqual(expected);
  });
});

describe('parseInspection', () => {
  it('reads Docker’s answer', () => {
    expect(factsOf('docker-derper')).toMatchObject({
      id,
      name: 'derp',
      image: 'fredliang/derper',
      running: true,
      workingDirectory: '/app',
      runsAsRoot: true,
      mounts: [{ kind: 'bind', host: '/root/derper/certs', inside: '/app/certs' }],
      restartPolicy: 'always',
      autoRemove: false,
      swarm: false,
      composeDirectory: undefined,
      published: [
        { protocol: 'udp', inside: 3478, host: 3478, address: null },
        { protocol: 'tcp', inside: 8443, host: 443, address: null },
      ],
    });
    expect(factsOf('docker-ip-derper').restartPolicy).toBe('on-failure:3');
  });

  it('reads the ports of a container that does not run', () => {
    const { running, published, restartPolicy } = factsOf('docker-created');
    expect({ running, restartPolicy }).toEqual({ running: false, restartPolicy: 'no' });
    expect(published).toEqual([{ protocol: 'tcp', inside: 443, host: 28_443, address: null }]);
  });

  it('reads Podman’s answer', () => {
    expect(factsOf('podman-derper')).toMatchObject({
      name: 'derp',
      image: 'localhost/fredliang/derper:latest',
      restartPolicy: 'always',
      runsAsRoot: true,
      mounts: [{ kind: 'bind', host: '/root/derper/certs', inside: '/app/certs' }],
    });
    expect(hostPortOf(factsOf('podman-derper'), 'tcp', 8443)).toEqual({ port: 8443, address: null });
  });

  it.each(['', '[]', '[{}]', 'null', '[{"Id":7}]', '{"Id":"x"}'])('is nothing for %s', (answer) => {
    expect(parseInspection(answer)).toBeUndefined();
  });

  it('finds odd values harmless', () => {
    const facts = parseInspection(
      '[{"Id":"x","Mounts":[null],"Config":{"Env":["A","=b",7]},"HostConfig":{"PortBindings":{"x":1,"443/tcp":[{"HostPort":"0"},{"HostPort":"1"}],"53/sctp":[{}]}}}]',
    );
    expect(facts).toMatchObject({ environment: {}, published: [{ inside: 443, host: 1 }], restartPolicy: 'no' });
  });
});

describe('places on the host', () => {
  const mounts = [
    { kind: 'bind' as const, host: '/srv/app', inside: '/app' },
    { kind: 'volume' as const, host: '/var/lib/docker/volumes/c/_data', inside: '/app/certs/' },
    { kind: 'bind' as const, host: '/etc/my.crt', inside: '/app/certs/derp.example.com.crt' },
    { kind: 'other' as const, host: '', inside: '/tmp' },
  ];
  it.each([
    ['/app/derper.key', { path: '/srv/app/derper.key', kind: 'bind' }],
    ['/app/certs/x.key', { path: '/var/lib/docker/volumes/c/_data/x.key', kind: 'volume' }],
    ['/app/certs/derp.example.com.crt', { path: '/etc/my.crt', kind: 'bind' }],
    ['/app/certs/../x', { path: '/srv/app/x', kind: 'bind' }],
    ['/application', undefined],
    ['/tmp/x', undefined],
  ])('%s', (path, expected) => {
    expect(hostPathOf(mounts, path)).toEqual(expected);
  });

  it('are the container’s own ports on the host’s network', () => {
    const facts = { networkMode: 'host', published: [] };
    expect(hostPortOf(facts, 'udp', 3478)).toEqual({ port: 3478, address: null });
  });

  it('prefer a port that is open to everybody', () => {
    const published = ['127.0.0.1', null].map((address, at) => ({
      protocol: 'tcp' as const,
      inside: 443,
      host: 8443 + at,
      address,
    }));
    expect(hostPortOf({ networkMode: 'bridge', published }, 'tcp', 443)).toEqual({ port: 8444, address: null });
    const [first] = published;
    expect(hostPortOf({ networkMode: 'bridge', published: [first!] }, 'tcp', 443)?.address).toBe('127.0.0.1');
  });
});

describe('hostPortsOf', () => {
  const line = '/app/derper --certmode=manual --a=:8443 --hostname=derp.example.com';
  it('maps what is published, and names what is not', () => {
    const derper = containerDerper(factsOf('docker-derper'), line);
    expect(hostPortsOf(derper, readDerperSettings(derper))).toEqual({
      ports: { derp: 443, http: -1, stun: 3478 },
      address: null,
      gaps: [{ port: 'http', code: 'not-published', inside: 80 }],
    });
  });

  it('leaves off what is off', () => {
    const derper = containerDerper(factsOf('docker-derper'), `${line} -http-port=-1 -stun=false`);
    expect(hostPortsOf(derper, readDerperSettings(derper))).toMatchObject({
      ports: { derp: 443, http: -1, stun: -1 },
      gaps: [],
    });
  });
});

describe('stopped containers', () => {
  it('are those whose name, image or command names derper', () => {
    const lines = [
      `${id}\tExited (0) 3 days ago\tderp\tfredliang/derper:latest\t"/bin/sh"`,
      'b\tCreated\trelay\tx\t"/app/derper -a :1"',
      'c\tUp 2 hours\tderper\tx\tx',
      'd\tExited (1) now\tweb\tnginx\tnginx',
      'e\tRestarting (1) now\tip_derper\tx\tx',
      '',
    ];
    expect(parseStopped(lines.join('\n'))).toEqual([id, 'b', 'e']);
  });

  it('tell their command line by the image’s command and variables', () => {
    const { command, environment } = factsOf('docker-created');
    expect(findDerperCommand(command, environment)).toEqual([
      '/app/derper',
      '--hostname=old.example.com',
      '--certmode=letsencrypt',
      '--certdir=/app/certs',
      '--a=:443',
      '--stun=true',
      '--stun-port=3478',
      '--http-port=80',
      '--verify-clients=false',
      '--verify-client-url=',
    ]);
  });

  it('tell it by the variables alone where a script is the command', () => {
    const environment = { DERP_HOST: '203.0.113.7', DERP_CERTS: '/app/certs/', DERP_ADDR: ':12345', DERP_STUN: '' };
    expect(commandLineOfImage(environment)).toEqual([
      'derper',
      '-hostname=203.0.113.7',
      '-certdir=/app/certs/',
      '-a=:12345',
      '-certmode=manual',
    ]);
    expect(commandLineOfImage({ PATH: '/bin' })).toBeUndefined();
  });
});

describe('relevantEnvironment', () => {
  it('keeps what says something, and no secrets', () => {
    const environment = {
      HOME: '/root',
      PATH: '/bin',
      DERP_DOMAIN: 'x',
      DERPER_ADDR: 'y',
      DERP_MESH_KEY: 'secret',
      DERPER_API_TOKEN: 'secret',
      TAILSCALE_DERPER_MESH_KEY: 'secret',
    };
    expect(relevantEnvironment(environment)).toEqual({ HOME: '/root', DERP_DOMAIN: 'x', DERPER_ADDR: 'y' });
  });
});

describe('containerUnits', () => {
  const facts = { ...factsOf('docker-derper'), composeDirectory: '/opt/derp' };
  const unit = (name: string, text: string) => ({ name, texts: [`[Service]\n${text}\n`] });

  it('finds units that run the container', () => {
    const units = [
      unit('a.service', 'ExecStart=/usr/bin/docker run --rm --name derp fredliang/derper'),
      unit('b.service', 'ExecStart=/usr/bin/docker start -a derp'),
      unit('c.service', 'ExecStart=/usr/bin/podman run --name=derp x'),
      unit('d.service', 'WorkingDirectory=/opt/derp\nExecStart=/usr/bin/docker compose up'),
      unit('e.service', 'ExecStart=/usr/local/bin/docker-compose -f /opt/derp/compose.yaml up'),
      unit('f.service', `ExecStart=/bin/sh -c "docker start -a ${id.slice(0, 12)}"`),
    ];
    expect(containerUnits(units, facts)).toEqual(units.map(({ name }) => name));
  });

  it('leaves others alone', () => {
    const units = [
      unit('docker.service', 'ExecStart=/usr/sbin/dockerd -H fd://'),
      unit('a.service', 'ExecStart=/usr/bin/docker run --name derp2 nginx'),
      unit('b.service', 'WorkingDirectory=/opt/other\nExecStart=/usr/bin/docker compose up'),
      unit('c.service', 'ExecStart=/usr/bin/echo derp'),
    ];
    expect(containerUnits(units, facts)).toEqual([]);
  });
});
