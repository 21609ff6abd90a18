import { randomUUID } from 'node:crypto';
import type { InstanceRecord, ParentCall } from './instance-record.ts';

/** An instance that has not run yet. */
export function newInstance(options: {
  instanceId: string;
  name: string;
  /** JSON. */
  input: string | null;
  owner: string;
  parent?: ParentCall;
  version: string | undefined;
}): Omit<InstanceRecord, 'etag'> {
  const now = new Date();
  return {
    instanceId: options.instanceId,
    executionId: randomUUID().replaceAll('-', ''),
    name: options.name,
    status: 'Pending',
    createdTime: now,
    lastUpdatedTime: now,
    input: options.input,
    output: null,
    customStatus: null,
    parent: options.parent,
    version: options.version,
    owner: options.owner,
    active: true,
    historyRows: 0,
    takenIn: [],
  };
}
