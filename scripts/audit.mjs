// Asks the registry for known weaknesses of the dependencies (npm run audit). Everything is bundled, so what is built with
// counts like what is shipped. A serious one fails; a registry that answers no such question is said so, and passes.
import { spawnSync } from 'node:child_process';

const SERIOUS = ['high', 'critical'];

/** What npm printed, parsed; undefined when it is no JSON object. */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const { stdout, stderr, error } = spawnSync('npm', ['audit', '--json'], { encoding: 'utf8', timeout: 60_000 });
const report = parse(stdout ?? '');
if (report?.vulnerabilities === undefined) {
  const why = report?.message ?? error?.message ?? stderr?.trim().split('\n').at(-1) ?? 'no answer';
  console.log(`audit: not done, the registry did not answer: ${why}`);
  process.exit(0);
}
const found = Object.values(report.vulnerabilities);
for (const { name, severity, range, via } of found) {
  const titles = via.flatMap((cause) => (typeof cause === 'object' ? [`${cause.title} (${cause.url})`] : []));
  console.log(`audit: ${severity}: ${name} ${range} ${titles.join('; ')}`);
}
const serious = found.filter(({ severity }) => SERIOUS.includes(severity));
console.log(`audit: ${found.length} known weaknesses, ${serious.length} of them serious`);
process.exitCode = serious.length > 0 ? 1 : 0;
