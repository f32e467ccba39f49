import { describe, expect, it } from 'vitest';
import { judgeAll } from '../../../src/setup/doctor/checks.ts';
import type { DoctorFacts } from '../../../src/setup/doctor/facts.ts';
import { reportText } from '../../../src/setup/doctor/report.ts';
import { healthy, host, installed, layout, publicKey, settings, units } from './healthy.ts';

const url = 'https://head.example.org/verify/s3cret';
const facts: DoctorFacts = {
  ...healthy,
  installed: {
    ...installed,
    relay: {
      state: 'read',
      path: layout.relayConfig,
      value: { ...settings, admission: { url: { url, failOpen: false } } },
    },
  },
  admission: { url: { url, answer: 'refuses' } },
  units: { ...units, relayJournal: ['{"event":"client_connected","address":"198.51.100.23"}'] },
};
const machine = { osId: 'debian', osName: 'Debian 12', architecture: 'x64', memoryBytes: 1, isRoot: true };
const text = reportText({
  facts,
  findings: judgeAll(facts),
  outcomes: [{ fix: { kind: 'daemon-reload' } }],
  machine,
  files: new Map([[layout.relayConfig, JSON.stringify({ hostname: host, admission: { url } })]]),
});

describe('the report for a bug report', () => {
  it('says what was found, on what machine, with the files and the journal', () => {
    for (const part of ['Debian 12', '"certificate-fine"', 'daemon-reload', layout.relayConfig, 'client_connected']) {
      expect(text).toContain(part);
    }
  });

  it('holds no names, addresses, keys and secret paths', () => {
    for (const secret of [host, '203.0.113.7', '198.51.100.23', publicKey, 'head.example.org', 's3cret']) {
      expect(text).not.toContain(secret);
    }
  });
});
