/**
 * What it costs the relay to turn somebody away by address, beside what a login costs: CPU time of a relay in a process
 * of its own. Strangers and members come from different addresses of loopback, which that relay does not take for its
 * own machine; nothing else differs from an installed one.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { logIn } from '../relay/support/raw-client.ts';
import { startTestRelay } from '../relay/support/test-relay.ts';

const [MEMBER, STRANGER] = ['127.0.0.1', '127.0.0.2'];
/** Connections at the same time. */
const AT_ONCE = 50;
const WARM_UP = 200;

/** What the relay's process tells. */
interface Bill {
  /** Since its start, user and system, seconds. */
  cpu: number;
  refused: number;
  admitted: number;
}

/** The child's own program: a relay that tells what it has used, whenever it is asked. */
export async function serveWithBills(): Promise<void> {
  const server = await startTestRelay(
    { allowCidr: { ranges: [MEMBER], files: [] }, logLevel: 'info' },
    { isOwnAddress: () => false, writeLog: () => {} },
  );
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    const bill: Bill = {
      cpu: (user + system) / 1e6,
      refused: server.count('addresses_refused'),
      admitted: server.count('logins', 'fast_start'),
    };
    process.send!(bill);
  });
  process.on('disconnect', () => void server[Symbol.asyncDispose]().then(() => process.exit(0)));
  process.send!({ port: server.port, publicKey: server.relay.publicKey.toString('hex') });
}

/** CPU seconds of so many connections of each kind, by round. */
export interface Costs {
  readonly refused: number[];
  readonly admitted: number[];
}

/** How many, and how often. */
export interface CostOptions {
  readonly refused: number;
  readonly admitted: number;
  readonly rounds: number;
  /** The program that runs `serveWithBills` when it is started with `argument`. */
  readonly program: URL;
  readonly argument: string;
}

/** A stranger: connects, and is gone when the relay has closed the connection. */
function knock(port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: MEMBER, localAddress: STRANGER });
    socket.on('error', () => {}).on('close', () => resolve());
    socket.resume();
  });
}

async function times(count: number, work: () => Promise<void>): Promise<void> {
  for (let left = count; left > 0; left -= AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(left, AT_ONCE) }, work));
  }
}

/** Measures. @throws when the relay has not turned away, or let in, exactly those whom it should */
export async function compareCosts({ refused, admitted, rounds, program, argument }: CostOptions): Promise<Costs> {
  const child: ChildProcess = fork(program, [argument]);
  try {
    const [{ port, publicKey }] = (await once(child, 'message')) as [{ port: number; publicKey: string }];
    const relayKey = Buffer.from(publicKey, 'hex');
    const bill = async (): Promise<Bill> => {
      const answer = once(child, 'message');
      child.send('bill');
      return (await answer)[0] as Bill;
    };
    const member = async () => {
      const client = await logIn(port, { way: 'fast-start', relayKey });
      client.socket.destroy();
    };
    const measure = async (kind: 'refused' | 'admitted', count: number): Promise<number> => {
      const before = await bill();
      await times(count, kind === 'refused' ? () => knock(port) : member);
      const after = await bill();
      const counted = after[kind] - before[kind];
      if (counted !== count) throw new Error(`${counted} of ${count} were ${kind}`);
      return after.cpu - before.cpu;
    };
    await measure('refused', WARM_UP);
    await measure('admitted', WARM_UP);
    const costs: Costs = { refused: [], admitted: [] };
    for (let round = 0; round < rounds; round++) {
      costs.refused.push(await measure('refused', refused));
      costs.admitted.push(await measure('admitted', admitted));
    }
    return costs;
  } finally {
    child.disconnect();
    await once(child, 'exit');
  }
}

/** The figures as a Markdown table. */
export function costTable({ refused, admitted }: Costs, counts: Pick<CostOptions, 'refused' | 'admitted'>): string[] {
  const cell = (seconds: number, count: number) =>
    `${seconds.toFixed(2)} s | ${((seconds / count) * 1e6).toFixed(0)} µs`;
  const row = (name: string, a: number, b: number) =>
    `| ${name} | ${cell(a, counts.refused)} | ${cell(b, counts.admitted)} | ${(a / b).toFixed(2)} |`;
  const number = (count: number) => count.toLocaleString('en');
  return [
    `| round | CPU of ${number(counts.refused)} refused | each | CPU of ${number(counts.admitted)} admitted | each | refused ÷ admitted |`,
    '| --- | --- | --- | --- | --- | --- |',
    ...refused.map((seconds, i) => row(String(i + 1), seconds, admitted[i]!)),
  ];
}
