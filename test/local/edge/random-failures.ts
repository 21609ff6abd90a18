import { expect } from 'vitest';
import { seeded } from '../../seeded.ts';
import { fragment, quick, type EdgeBetween } from './edge-between.ts';
import type { Behaviour } from './unsteady-origin.ts';

export interface Outcomes {
  whole: number;
  brokenOff: number;
  refused: number;
}

/**
 * Lets viewers ask at the same time while each request to either data center goes well or fails in one of all ways, and
 * judges every byte they get. Which viewer meets which failure depends on timing; what may come of it does not.
 */
export async function viewThroughRandomFailures(
  on: EdgeBetween,
  seed: number,
  load: { readonly viewers: number; readonly requests: number },
): Promise<Outcomes> {
  const next = seeded(seed);
  const length = on.a.bodyLength;
  const choose = (): Behaviour => {
    const after = Math.floor(next() * length);
    const choices: Behaviour[] = [
      { kind: 'well' },
      { kind: 'well' },
      { kind: 'stall', after },
      { kind: 'cut', after },
      { kind: 'cut', after },
      { kind: 'silent' },
      { kind: 'status', status: 503 },
      { kind: 'no-ranges' },
      { kind: 'no-ranges', after },
      { kind: 'closes-kept-connections' },
    ];
    return choices[Math.floor(next() * choices.length)]!;
  };
  on.a.choose = on.b.choose = choose;
  await on.restart({ ...quick, headersLimit: 150, stallLimit: 150 });

  const outcomes: Outcomes = { whole: 0, brokenOff: 0, refused: 0 };
  async function view(): Promise<void> {
    const first = next() < 0.5 ? 0 : Math.floor(next() * length);
    const got = await on.get(fragment, first === 0 ? {} : { Range: `bytes=${first}-` });
    if (got.status === 503) {
      outcomes.refused += 1;
      return;
    }
    // An origin that ignores ranges answers with the whole.
    const expected = on.a.content(fragment).subarray(got.status === 206 ? first : 0);
    expect(got.body.equals(expected.subarray(0, got.body.length))).toBe(true);
    if (got.brokeOff === undefined) {
      expect(got.body.length).toBe(expected.length);
      outcomes.whole += 1;
    } else {
      outcomes.brokenOff += 1;
    }
  }
  async function viewer(): Promise<void> {
    for (let request = 0; request < load.requests; request++) await view();
  }
  await Promise.all(Array.from({ length: load.viewers }, viewer));
  return outcomes;
}
