import { describe, expect, it } from 'vitest';
import { BACK } from '../../../src/cli/wizard/prompter.ts';
import { completeAnswers, resolveAnswers } from '../../../src/setup/answers/resolve.ts';
import type { Facts } from '../../../src/setup/facts.ts';
import { plainFacts, serverFacts } from '../../setup/facts.ts';
import { ENTER, ESCAPE, type Keystroke, play, playUnlessLeft } from './script.ts';

/** A server in a tailnet: every question has an answer that Enter takes. */
const tailnetFacts: Facts = {
  ...serverFacts,
  tailscaled: { socket: '/run/t.sock', state: 'running', version: '1.98.2' },
};

const messagesOf = (asked: readonly { message: string }[]) => asked.map(({ message }) => message);

describe('the wizard', () => {
  it('can be answered with Enter alone, and then says nothing that the defaults do not say', async () => {
    const { answers, switches, lines, asked } = await play({ facts: tailnetFacts }, Array(6).fill(ENTER));
    expect({ answers, switches }).toEqual({ answers: {}, switches: {} });
    expect(messagesOf(asked)).toEqual([
      'How will clients reach this relay? (name or IP)',
      'Certificate',
      'Run it with',
      'Ports',
      'Who may use it?',
      'Region in the map',
    ]);
    expect(lines).toEqual([
      "✔ Address      203.0.113.7   this machine's address",
      '✔ Certificate  Self-signed, pinned in the map   clients 1.84 or later',
      '✔ Runs as      systemd',
      '✔ Ports        DERP 443 · STUN 3478 · HTTP 80',
      "✔ Open to      members of this machine's tailnet",
      '✔ Region       900 · myderp · "My DERP"',
    ]);
  });

  it('shows what flags and variables say, and does not ask for it', async () => {
    const sources = {
      flags: { host: 'derp.example.com', cert: 'self-signed', derpPort: '8443', httpPort: '-1', stunPort: '3479' },
      environment: { DERP_SETUP_DEPLOY: 'systemd', DERP_SETUP_VERIFY: 'none' },
      answersFile: { path: 'answers.json', values: { regionId: 901, regionCode: 'x', regionName: 'X' } },
    };
    const { answers, asked, lines } = await play({ facts: tailnetFacts, sources }, []);
    expect(answers).toEqual({});
    expect(asked).toEqual([]);
    expect(lines).toEqual([
      '· Address      derp.example.com   (--host)  resolves to this machine',
      '· Certificate  Self-signed, pinned in the map   (--cert)  clients 1.84 or later',
      '· Runs as      systemd   (DERP_SETUP_DEPLOY)',
      '· Ports        DERP 8443 · STUN 3479 · HTTP off   (--derp-port, --stun-port, --http-port)',
      '· Open to      anyone   (DERP_SETUP_VERIFY)  strangers can use it too',
      '· Region       901 · x · "X"',
      '               (answers.json: regionId, answers.json: regionCode, answers.json: regionName)',
    ]);
  });

  it('keeps the lists of addresses and the rate of the last run, which it does not ask for, and tells of a list', async () => {
    const values = { deploy: 'systemd', verify: 'none', allowCidr: '198.51.100.0/24,/srv/home.txt', clientRate: '10M' };
    const saved = { path: '/etc/derp-setup/config.json', values };
    const sources = { flags: {}, environment: {}, saved };
    const { answers, lines } = await play({ facts: tailnetFacts, sources }, Array(7).fill(ENTER));
    expect(answers).toEqual({});
    expect(lines).toContain('✔ Open to      anyone   only from 198.51.100.0/24,/srv/home.txt');
    const { given } = resolveAnswers({ ...sources, prompted: { path: 'x', values: answers } });
    expect(given.allowCidr?.value).toEqual({ ranges: ['198.51.100.0/24'], files: ['/srv/home.txt'] });
    expect(given.clientRate?.value).toEqual({ bytesPerSecond: 10_000_000, burstBytes: 10_000_000 });
    const members = { ...sources, saved: { ...saved, values: { ...values, verify: 'url:https://hs.example.com/v' } } };
    expect((await play({ facts: tailnetFacts, sources: members }, Array(7).fill(ENTER))).lines.join('\n')).toMatch(
      /https:\/\/hs\.example\.com\/v · only from 198\.51\.100\.0\/24/,
    );
  });

  it('offers the answers of the last run, and passes on only what was changed', async () => {
    const saved = {
      path: '/etc/derp-setup/config.json',
      values: {
        deploy: 'systemd',
        host: 'old.example.com',
        verify: 'url:https://hs.example.com/verify',
        regionId: 905,
      },
    };
    const scene = { facts: tailnetFacts, sources: { saved } };
    const kept = await play(scene, [ENTER, ENTER, ENTER, ENTER, ENTER, ENTER, ENTER]);
    expect(kept.answers).toEqual({});
    expect(kept.lines).toContain('✔ Address      old.example.com   resolves to this machine');
    expect(kept.lines).toContain('✔ Open to      whoever an admission URL lets in   https://hs.example.com/verify');
    const changed = await play(scene, ['new.example.com', ENTER, ENTER, ENTER, 'tailscaled', ENTER]);
    // The last run asked a URL, so that going back to the default must be said.
    expect(changed.answers).toEqual({ host: 'new.example.com', verify: 'tailscaled' });
  });

  it('writes answers that the resolver reads back as they were given', async () => {
    const keystrokes: Keystroke[] = [
      '[2001:db8::7]',
      ENTER,
      'foreground',
      'c',
      '9443',
      '-1',
      '8080',
      'none',
      'c',
      '950',
      'eu',
      'EU',
    ];
    const { answers } = await play({ facts: tailnetFacts }, keystrokes);
    const resolution = resolveAnswers({ flags: {}, environment: {}, prompted: { path: '', values: answers } });
    expect(resolution.problems).toEqual([]);
    expect(completeAnswers(resolution.given, tailnetFacts)).toMatchObject({
      host: '2001:db8::7',
      cert: 'self-signed',
      deploy: 'foreground',
      derpPort: 9443,
      httpPort: 8080,
      stunPort: -1,
      verify: { kind: 'none' },
      regionId: 950,
      regionCode: 'eu',
      regionName: 'EU',
      nodeName: '950a',
    });
  });

  describe('goes back with Escape', () => {
    it('one question, whose answer is offered again, and its line is taken away', async () => {
      const keystrokes: Keystroke[] = ['a.example.com', ENTER, ESCAPE, ESCAPE, ENTER, ...Array(5).fill(ENTER)];
      const { answers, lines, asked } = await play({ facts: tailnetFacts }, keystrokes);
      expect(answers).toEqual({ host: 'a.example.com' });
      expect(lines.filter((line) => line.includes('Address'))).toHaveLength(1);
      expect(lines).toHaveLength(6);
      expect(asked.slice(3, 5)).toMatchObject([
        { message: 'Certificate' },
        { message: 'How will clients reach this relay? (name or IP)', offered: 'a.example.com' },
      ]);
    });

    it('over what was not asked', async () => {
      const sources = { flags: { cert: 'self-signed', deploy: 'systemd' } };
      const keystrokes: Keystroke[] = [ENTER, ESCAPE, 'b.example.com', ENTER, ENTER, ENTER];
      const { answers, lines } = await play({ facts: tailnetFacts, sources }, keystrokes);
      expect(answers).toEqual({ host: 'b.example.com' });
      expect(lines.map((line) => line.slice(0, 13).trim())).toEqual([
        '✔ Address',
        '· Certificate',
        '· Runs as',
        '✔ Ports',
        '✔ Open to',
        '✔ Region',
      ]);
    });

    it('and stays at the first question', async () => {
      const { answers } = await play({ facts: tailnetFacts }, [ESCAPE, ESCAPE, ...Array(6).fill(ENTER)]);
      expect(answers).toEqual({});
    });

    it('and leaves from there where that is allowed, with nothing left on the screen', async () => {
      const keystrokes: Keystroke[] = [ENTER, ENTER, ESCAPE, ESCAPE, ESCAPE];
      const { result, lines } = await playUnlessLeft({ facts: tailnetFacts, mayLeave: true }, keystrokes);
      expect(result).toBe(BACK);
      expect(lines).toEqual([]);
    });

    it('and asks again what depends on the answer that was changed', async () => {
      // Kept ports of the foreground are no choice of ports for the service.
      const keystrokes: Keystroke[] = [
        ENTER,
        ENTER,
        'foreground',
        ENTER,
        ESCAPE,
        ESCAPE,
        'systemd',
        ENTER,
        ENTER,
        ENTER,
      ];
      const { answers, lines } = await play({ facts: tailnetFacts }, keystrokes);
      expect(answers).toEqual({});
      expect(lines).toContain('✔ Ports        DERP 443 · STUN 3478 · HTTP 80');
    });
  });

  it('comes back to the last question when the plan is not liked', async () => {
    const scene = { facts: tailnetFacts };
    const first = await play(scene, ['a.example.com', ENTER, ENTER, ENTER, 'none', true, ENTER]);
    const keystrokes: Keystroke[] = ['c', '910', ENTER, ENTER];
    const second = await play({ ...scene, state: first.state }, keystrokes);
    expect(second.asked[0]).toMatchObject({ message: 'Region in the map' });
    expect(second.answers).toEqual({ host: 'a.example.com', verify: 'none', regionId: '910' });
    expect(second.lines).toHaveLength(6);
  });

  it('names the node after its region, unless it has a name of its own', async () => {
    const region: Keystroke[] = ['c', '907', ENTER, ENTER];
    const before: Keystroke[] = [ENTER, ENTER, ENTER, ENTER, ENTER];
    const saved = (nodeName: string) => ({
      facts: tailnetFacts,
      sources: { saved: { path: 'config.json', values: { deploy: 'systemd', regionId: 905, nodeName } } },
    });
    expect((await play(saved('905a'), [...before, ...region])).answers).toEqual({ regionId: '907', nodeName: '907a' });
    expect((await play(saved('berlin'), [...before, ...region])).answers).toEqual({ regionId: '907' });
  });

  it('suggests the foreground without root, and says there why a service cannot be had', async () => {
    const { asked, answers } = await play({ facts: plainFacts }, Array(6).fill(ENTER));
    expect(answers).toEqual({});
    const [target] = asked.filter(({ message }) => message === 'Run it with');
    expect(target).toMatchObject({
      options: [
        { value: 'systemd', disabled: '(needs root: run it with sudo)' },
        { value: 'nginx-bypass', disabled: '(needs root: run it with sudo)' },
        { value: 'compose', disabled: '(Docker is not installed)' },
        { value: 'foreground', disabled: undefined },
      ],
      preselected: 'foreground',
    });
  });

  it('lets a service be prepared for another machine, whatever this one is like', async () => {
    const scene = { facts: plainFacts, root: '/srv/image' };
    const { answers, lines } = await play(scene, [ENTER, ENTER, 'systemd', ENTER, 'tailscaled', ENTER]);
    expect(answers).toEqual({ deploy: 'systemd', verify: 'tailscaled' });
    expect(lines[0]).toBe('✔ Address      203.0.113.7');
  });
});
