/** The Node that the service runs: still there, and new enough. */
import type { DoctorFacts } from '../facts.ts';
import { type Finding, failed, fine } from '../findings.ts';

export function judgeRuntime({ runtime }: DoctorFacts): Finding[] {
  if (runtime === undefined) return [];
  const { path } = runtime;
  switch (runtime.state) {
    case 'missing':
      return [failed('runtime-missing', { path })];
    case 'broken':
      return [failed('runtime-broken', { path, detail: runtime.detail })];
    case 'works': {
      const { version, supported } = runtime;
      return [supported ? fine('runtime-fine', { version }) : failed('runtime-too-old', { path, version })];
    }
  }
}
