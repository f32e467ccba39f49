/** What the doctor makes of the nginx before a relay. Looking at a real one is tried in test/nginx. */
import { describe, expect, it } from 'vitest';
import { judgeNginx } from '../../../src/setup/doctor/checks/nginx.ts';
import type { NginxFacts } from '../../../src/setup/doctor/facts.ts';
import { healthy } from './healthy.ts';

const runs: NginxFacts = { state: 'runs', version: '1.22.1', passesOn: true, sitesOnPort: [] };
const place = { file: '/etc/nginx/sites-enabled/a', line: 3 };
const ids = (nginx: NginxFacts | undefined) =>
  judgeNginx({ ...healthy, nginx }).map(({ id, level }) => `${level} ${id}`);

describe('judgeNginx', () => {
  it.each<[string, NginxFacts | undefined, string[]]>([
    ['no nginx before it', undefined, []],
    ['all well', runs, ['ok nginx-runs']],
    ['removed', { state: 'absent' }, ['failed nginx-missing']],
    ['refusing its configuration', { state: 'broken', version: '1', said: ['x'] }, ['failed nginx-broken']],
    ['stopped', { ...runs, state: 'stopped' }, ['failed nginx-stopped']],
    ['without our server', { ...runs, passesOn: false }, ['failed nginx-route-gone']],
    [
      'without our server, the sites back',
      { ...runs, passesOn: false, sitesOnPort: [place] },
      ['failed nginx-route-gone'],
    ],
    ['a site on the port again', { ...runs, sitesOnPort: [place] }, ['failed nginx-site-on-port']],
  ])('%s', (_, nginx, expected) => {
    expect(ids(nginx)).toEqual(expected);
  });
});
