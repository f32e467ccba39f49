import { expect, it } from 'vitest';
import { judgeExchange } from '../../src/probe/judge-relay.ts';

it.each([
  [{ sent: 200, bytes: 40_000, damaged: 0, timesMs: Array(200).fill(5) }, 'ok', undefined, 0],
  [{ sent: 200, bytes: 39_800, damaged: 0, timesMs: Array(199).fill(5) }, 'warning', 'packet-loss', 1],
  [{ sent: 200, bytes: 0, damaged: 0, timesMs: [] }, 'failed', 'nothing-relayed', 200],
  [{ sent: 200, bytes: 40_000, damaged: 1, timesMs: Array(199).fill(5) }, 'failed', 'damaged-packets', 0],
])('judgeExchange case %#', (exchange, status, reason, lost) => {
  const finding = judgeExchange(exchange);
  expect([finding.status, finding.reason]).toEqual([status, reason]);
  expect(finding.data).toMatchObject({ sent: 200, lost, loss: lost / 200, bytes: exchange.bytes });
  expect(finding.remedy !== undefined).toBe(status !== 'ok');
});

it('judgeExchange tells loss and the times', () => {
  const finding = judgeExchange({ sent: 4, bytes: 3, damaged: 0, timesMs: [1, 2, 30] });
  expect(finding.data).toMatchObject({ loss: 0.25, minMs: 1, medianMs: 2, maxMs: 30 });
  expect(finding.detail).toContain('1 of 4');
  expect(finding.detail).toContain('1.0 ms / 2.0 ms / 30 ms');
});
