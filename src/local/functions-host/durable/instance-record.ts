export type RuntimeStatus = 'Pending' | 'Running' | 'Suspended' | 'Completed' | 'Failed' | 'Terminated';

/** Whether an orchestration with this status has ended. */
export function hasEnded(status: RuntimeStatus): boolean {
  return status === 'Completed' || status === 'Failed' || status === 'Terminated';
}

/** The call in another orchestration that started a sub-orchestration. */
export interface ParentCall {
  readonly instanceId: string;
  readonly executionId: string;
  readonly taskId: number;
}

/** An orchestration instance as its row has it. */
export interface InstanceRecord {
  readonly instanceId: string;
  /** New at each start and each continue-as-new; names the history that counts. */
  readonly executionId: string;
  readonly name: string;
  readonly status: RuntimeStatus;
  readonly createdTime: Date;
  readonly lastUpdatedTime: Date;
  /** JSON. */
  readonly input: string | null;
  /** JSON. */
  readonly output: string | null;
  /** JSON. */
  readonly customStatus: string | null;
  readonly parent: ParentCall | undefined;
  /** What it was started with, for good. */
  readonly version: string | undefined;
  /** The host that runs it. */
  readonly owner: string;
  /** False once nothing is left to do for it, its caller told of its end included. */
  readonly active: boolean;
  /** How many rows the history of this execution has. */
  readonly historyRows: number;
  /** Keys of the events that were taken in last: they count no more, should they still be there or come again. */
  readonly takenIn: readonly string[];
  readonly etag: string;
}

/** What a commit changes in a record. */
export type RecordChanges = Partial<
  Pick<
    InstanceRecord,
    | 'executionId'
    | 'status'
    | 'input'
    | 'output'
    | 'customStatus'
    | 'owner'
    | 'active'
    | 'historyRows'
    | 'takenIn'
  >
>;
