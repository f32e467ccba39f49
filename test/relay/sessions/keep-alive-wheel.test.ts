import { afterEach, describe, expect, it, vi } from 'vitest';
import { KeepAliveWheels } from '../../../src/relay/sessions/keep-alive-wheel.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** A client that notes the second of each of its keep-alives. */
function client(clock: { second: number }) {
  const at: number[] = [];
  return { at, sendKeepAlive: () => at.push(clock.second) };
}

/** Wheels that turn by hand. */
function wheelsByHand() {
  const wheels = new KeepAliveWheels();
  wheels.stop();
  const clock = { second: 0 };
  const run = (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      clock.second++;
      wheels.tick();
    }
  };
  return { wheels, clock, run };
}

describe('keep-alives', () => {
  it('reach each client every 60 to 65 seconds, always in the same rhythm, whenever it came', () => {
    const { wheels, clock, run } = wheelsByHand();
    const clients: { since: number; at: number[] }[] = [];
    for (let i = 0; i < 300; i++) {
      const one = client(clock);
      clients.push({ since: clock.second, at: one.at });
      wheels.add(one);
      if (i % 3 === 0) run(7);
    }
    run(400);
    for (const { since, at } of clients) {
      const gaps = at.map((second, i) => second - (at[i - 1] ?? since));
      expect(gaps[0]).toBeGreaterThanOrEqual(60);
      expect(gaps[0]).toBeLessThanOrEqual(65);
      expect(new Set(gaps).size).toBe(1);
      expect(at).toHaveLength(Math.floor((clock.second - since) / gaps[0]!));
    }
  });

  it('of clients that came together are spread over those seconds', () => {
    const { wheels, clock, run } = wheelsByHand();
    const clients = Array.from({ length: 300 }, () => client(clock));
    for (const one of clients) wheels.add(one);
    run(65);
    expect(new Set(clients.map(({ at }) => at[0]))).toEqual(new Set([60, 61, 62, 63, 64, 65]));
  });

  it('end when the client is removed, even in the middle of a round', () => {
    const { wheels, clock, run } = wheelsByHand();
    const staying = client(clock);
    const leaving = client(clock);
    wheels.add(staying);
    const remove = wheels.add(leaving);
    run(100);
    remove();
    run(200);
    expect(leaving.at).toHaveLength(1);
    expect(staying.at.length).toBeGreaterThanOrEqual(4);
    // Removing oneself while being called is how a dead connection ends.
    const quitting = { at: 0, remove: () => {}, sendKeepAlive: () => {} };
    quitting.sendKeepAlive = () => {
      quitting.at++;
      quitting.remove();
    };
    quitting.remove = wheels.add(quitting);
    run(300);
    expect(quitting.at).toBe(1);
  });

  it('are driven by one timer, which stops', () => {
    vi.useFakeTimers();
    const wheels = new KeepAliveWheels();
    expect(vi.getTimerCount()).toBe(1);
    const one = { sendKeepAlive: vi.fn() };
    for (let i = 0; i < 1000; i++) wheels.add({ sendKeepAlive: () => {} });
    wheels.add(one);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(59_999);
    expect(one.sendKeepAlive).not.toHaveBeenCalled();
    vi.advanceTimersByTime(5_001);
    expect(one.sendKeepAlive).toHaveBeenCalledTimes(1);
    wheels.stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});
