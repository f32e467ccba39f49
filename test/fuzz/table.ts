import type { Score } from './engine.ts';

const grouped = (value: number) => value.toLocaleString('en');

/** The scores as a Markdown table. @param seconds all of it took @param cpuSeconds … of which a processor was busy with it */
export function scoreTable(scores: readonly Score[], seconds: number, cpuSeconds: number): string[] {
  const rows = scores.map(({ name, inputs, accepted, milliseconds, slowestMs, slowestBytes }) => {
    const cells = [grouped(inputs), grouped(accepted), grouped(inputs - accepted)];
    const each = ((milliseconds / Math.max(1, inputs)) * 1000).toFixed(1);
    return `| ${[name, ...cells, each, `${slowestMs.toFixed(2)} ms (${grouped(slowestBytes)} bytes)`].join(' | ')} |`;
  });
  const all = scores.reduce((sum, { inputs }) => sum + inputs, 0);
  const accepted = scores.reduce((sum, one) => sum + one.accepted, 0);
  return [
    '| target | inputs | accepted | refused | µs each | slowest input |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
    `| all, in ${seconds.toFixed(0)} s (${cpuSeconds.toFixed(0)} s of CPU) | ${grouped(all)} | ${grouped(accepted)} | ${grouped(all - accepted)} | | |`,
  ];
}
