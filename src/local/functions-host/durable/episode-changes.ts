import { randomUUID } from 'node:crypto';
import type { EpisodeEnd } from './episode.ts';
import type { RecordChanges } from './instance-record.ts';

/** What the end of an episode makes of its instance's row. */
export function changesBy(end: EpisodeEnd): RecordChanges {
  switch (end.kind) {
    case 'waiting':
      return { status: 'Running' };
    case 'completed':
      return { status: 'Completed', output: end.output, active: false };
    case 'failed':
      return { status: 'Failed', output: JSON.stringify(end.reason), active: false };
    case 'continuedAsNew':
      return {
        status: 'Running',
        executionId: randomUUID().replaceAll('-', ''),
        input: end.input,
        historyRows: 0,
      };
  }
}
