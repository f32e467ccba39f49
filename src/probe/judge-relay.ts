/** What an exchange of packets through the relay means. No I/O. */
import type { Finding } from './check.ts';
import { formatMs, summarize } from './latency.ts';

/** What was counted in both directions together. */
export interface Exchange {
  sent: number;
  /** Bytes of all packets received. */
  bytes: number;
  /** Packets that arrived with other contents than they were sent with. */
  damaged: number;
  /** Of each packet that arrived unharmed: from sending to receiving, in milliseconds. */
  timesMs: readonly number[];
}

/** Judges the exchange between two clients: all must arrive, as TCP loses nothing by itself. */
export function judgeExchange({ sent, bytes, damaged, timesMs }: Exchange): Finding<'relay'> {
  const lost = sent - timesMs.length - damaged;
  const summary = summarize(timesMs);
  const data = { sent, lost, loss: sent === 0 ? 0 : lost / sent, bytes, ...summary };
  const times = `${formatMs(summary.minMs)} / ${formatMs(summary.medianMs)} / ${formatMs(summary.maxMs)} (least, median, most)`;
  if (damaged > 0) {
    return {
      status: 'failed',
      reason: 'damaged-packets',
      detail: `${damaged} of ${sent} packets arrived with changed contents`,
      remedy:
        'Something between the clients and the relay, or the relay itself, is broken: test its memory, and leave proxies out.',
      data,
    };
  }
  if (lost === sent) {
    return {
      status: 'failed',
      reason: 'nothing-relayed',
      detail: `none of ${sent} packets arrived, though both clients are logged in`,
      remedy:
        "If several relays share the name or address, they must be meshed with a common key; else see the relay's log.",
      data,
    };
  }
  if (lost > 0) {
    return {
      status: 'warning',
      reason: 'packet-loss',
      detail: `${lost} of ${sent} packets were lost, ${times}`,
      remedy:
        'The relay drops packets when a client or its own CPU cannot keep up: look at its load, its limits and its drop counters.',
      data,
    };
  }
  return { status: 'ok', detail: `${sent} packets both ways, none lost, ${times}`, data };
}
