import { describe, expect, it } from 'vitest';
import { FrameType } from '../../src/protocol/frame-types.ts';
import type { Admission, Applicant, Verdict } from '../../src/relay/sessions/admission.ts';
import { dial, logIn, proveKey, type RawClient } from './support/raw-client.ts';
import { startTestRelay } from './support/test-relay.ts';

/** An admission that answers when the test says so. */
function deferred() {
  const applicants: Applicant[] = [];
  let settle: ((verdict: Verdict) => void) | undefined;
  let fail: ((error: Error) => void) | undefined;
  const admit: Admission = (applicant) => {
    applicants.push(applicant);
    return new Promise((resolve, reject) => {
      settle = resolve;
      fail = reject;
    });
  };
  return { admit, applicants, settle: (verdict: Verdict) => settle!(verdict), fail: (error: Error) => fail!(error) };
}

/** Sends everything up to the login and does not wait for the relay's answer. */
async function apply(port: number): Promise<RawClient> {
  const client = await dial(port);
  client.expectHead();
  client.write('GET /derp HTTP/1.1\r\nHost: x\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n');
  const greeting = await client.nextOf(FrameType.ServerKey);
  client.send(FrameType.ClientInfo, client.clientInfo(greeting.subarray(8, 40)));
  return client;
}

describe('admission', () => {
  it('is asked with the key, the info and the address of the client', async () => {
    const gate = deferred();
    await using server = await startTestRelay({}, { admit: gate.admit });
    await using client = await apply(server.port);
    await expect.poll(() => gate.applicants.length).toBe(1);
    expect(gate.applicants[0]).toMatchObject({ address: '127.0.0.1', info: { version: 2 } });
    expect(gate.applicants[0]!.key.equals(client.publicKey)).toBe(true);
  });

  it('keeps a client out of sight until it is let in, then takes what it sent meanwhile', async () => {
    const gate = deferred();
    let waiting = false;
    await using server = await startTestRelay(
      {},
      { admit: (applicant) => (waiting ? gate.admit(applicant) : { admitted: true }) },
    );
    await using inside = await logIn(server.port);
    waiting = true;
    await using client = await apply(server.port);
    client.sendPacket(inside.publicKey, Buffer.from('sent before admission'));
    inside.sendPacket(client.publicKey, Buffer.from('to a client that is not in yet'));
    await inside.settled();
    expect(server.count('clients')).toBe(1);
    expect(server.count('packets_dropped', 'other', 'unknown_dest')).toBe(1);
    expect(inside.all(FrameType.RecvPacket)).toEqual([]);

    gate.settle({ admitted: true });
    await client.nextOf(FrameType.ServerInfo);
    expect((await inside.nextOf(FrameType.RecvPacket)).subarray(32).toString()).toBe('sent before admission');
    client.sendPacket(inside.publicKey, Buffer.from('and after'));
    expect((await inside.nextOf(FrameType.RecvPacket)).subarray(32).toString()).toBe('and after');
  });

  it('closes on a refusal, and says why in the log', async () => {
    await using server = await startTestRelay(
      {},
      { admit: () => ({ admitted: false, reason: 'not in this tailnet' }) },
    );
    await using client = await dial(server.port);
    client.expectHead();
    client.write('GET /derp HTTP/1.1\r\nHost: x\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n');
    await expect(proveKey(client)).rejects.toThrow(/closed/);
    expect(server.count('logins_refused')).toBe(1);
    expect(server.count('clients')).toBe(0);
    expect(server.log.find((line) => line.event === 'client_refused')).toMatchObject({ reason: 'not in this tailnet' });
  });

  it('fails closed when the question cannot be answered', async () => {
    const gate = deferred();
    await using server = await startTestRelay({}, { admit: gate.admit });
    await using client = await apply(server.port);
    await expect.poll(() => gate.applicants.length).toBe(1);
    gate.fail(new Error('the admission service is down'));
    await client.untilClosed();
    expect(client.all(FrameType.ServerInfo)).toEqual([]);
    expect(server.log.find((line) => line.event === 'client_refused')?.reason).toMatch(/service is down/);
  });

  it('holds only so much of what a waiting client sends', async () => {
    const gate = deferred();
    await using server = await startTestRelay({}, { admit: gate.admit });
    await using client = await apply(server.port);
    const before = process.memoryUsage().external;
    for (let i = 0; i < 200; i++) client.sendPacket(client.publicKey, Buffer.alloc(60_000));
    await expect.poll(() => gate.applicants.length).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    // It is not read while it waits (the rest stays in TCP), or it was closed for sending too much: never kept.
    expect(server.count('queued_bytes')).toBeLessThan(200_000);
    expect(process.memoryUsage().external - before).toBeLessThan(40 << 20);
    gate.settle({ admitted: true });
    await expect.poll(() => client.closed || client.all(FrameType.ServerInfo).length === 1).toBe(true);
  });
});
