/** The ports of a relay on a machine whose port 80 is nginx's. What nginx says is given; real ones are in test/nginx. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Answers } from '../../../src/setup/answers/questions.ts';
import { completeAnswers, resolveAnswers } from '../../../src/setup/answers/resolve.ts';
import type { FrontObstacle, HttpFront } from '../../../src/setup/nginx/http-front.ts';
import { choosePorts, type PortPolicy, servicePorts } from '../../../src/setup/ports.ts';
import { plainFacts } from '../facts.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const front = (relayPort = 8080, pending = true): HttpFront => ({
  relayPort,
  file: '/etc/nginx/conf.d/zz-derp-setup.conf',
  content: 'server {}\n',
  pending,
});

/** Ports are not tried, but for the one behind nginx where `checked` says so. */
function choose(
  flags: Record<string, string>,
  found: HttpFront | FrontObstacle | undefined,
  { saved = {}, checked = false }: { saved?: Record<string, unknown>; checked?: boolean } = {},
) {
  const asked: object[] = [];
  const resolution = resolveAnswers({
    flags: { deploy: 'systemd', host: 'derp.example.com', stunPort: '-1', ...flags },
    environment: {},
    saved: { path: '/config.json', values: saved },
  });
  const answers: Answers = completeAnswers(resolution.given, plainFacts);
  const policy: PortPolicy = {
    ...servicePorts(checked, () => false),
    findFront: async (wish) => {
      asked.push(wish);
      return found;
    },
  };
  return choosePorts(answers, resolution, policy).then((choice) => ({ ...choice, asked }));
}

describe('the plain HTTP port on a machine with nginx', () => {
  it('stays 80 for clients where nginx hands it on, and is another one for the relay', async () => {
    const { ports, front: found, notes, problems, asked } = await choose({}, front());
    expect(asked).toEqual([{ host: 'derp.example.com', derpPort: 443, relayPort: undefined }]);
    expect(ports).toMatchObject({ httpPort: 80, relayHttpPort: 8080 });
    expect(found).toEqual(front());
    expect(problems).toEqual([]);
    expect(notes).toEqual([
      { code: 'nginx-hands-on', file: '/etc/nginx/conf.d/zz-derp-setup.conf', host: 'derp.example.com' },
    ]);
  });

  it('is the same with the next run, which says nothing of it any more', async () => {
    const { ports, notes, asked } = await choose({}, front(8081, false), { saved: { relayHttpPort: 8081 } });
    expect(asked).toEqual([expect.objectContaining({ relayPort: 8081 })]);
    expect(ports.relayHttpPort).toBe(8081);
    expect(notes).toEqual([]);
  });

  it('is the relay’s own again when nginx has gone', async () => {
    const { ports, problems } = await choose({}, undefined, { saved: { relayHttpPort: 8081 } });
    expect(ports).toMatchObject({ httpPort: 80, relayHttpPort: undefined });
    expect(problems).toEqual([]);
  });

  it('is not asked of nginx where it is off, or another one', async () => {
    for (const httpPort of ['-1', '8085']) {
      const { ports, asked } = await choose({ httpPort }, front());
      expect(asked).toEqual([]);
      expect(ports.relayHttpPort).toBeUndefined();
    }
  });

  it.each([
    [{ relayHttpPort: '8080', httpPort: '-1' }, undefined, 'nothing-in-front'],
    [{ relayHttpPort: '8080' }, undefined, 'nothing-in-front'],
    [{ relayHttpPort: '443' }, front(443), 'same-port'],
    [{ relayHttpPort: '80' }, front(80), 'same-port'],
    [{ relayHttpPort: '0' }, front(), 'not-a-port'],
  ])('is refused where it makes no sense: %j', async (flags: Record<string, string>, found, code) => {
    const resolution = resolveAnswers({ flags, environment: {} });
    const { problems } = await choose(flags, found);
    expect([...resolution.problems, ...problems].map(({ rule }) => rule.code)).toContain(code);
  });

  it('is refused where somebody else has the port behind nginx', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    closers.push(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { problems } = await choose({ relayHttpPort: String(port) }, front(port), { checked: true });
    expect(problems).toContainEqual(
      expect.objectContaining({
        subject: '--relay-http-port',
        rule: { code: 'port-in-use', protocol: 'tcp', owner: expect.objectContaining({ pid: process.pid }) },
      }),
    );
  });
});
