import type { Logger } from 'pino';
import type { HubHosts } from './hub-hosts.ts';
import type { InstanceStore } from './instance-store.ts';
import type { OrchestratorRunner } from './orchestrator-runner.ts';
import type { CallableFunctions } from './scheduling.ts';
import type { Slots } from './slots.ts';
import type { TaskStarter } from './task-starter.ts';
import type { Versioning } from './versioning.ts';
import type { WorkStore } from './work-store.ts';

/** What runs one instance on this host. */
export interface RunnerOfInstance {
  readonly instanceId: string;
}

/** What the runners of instances share. */
export interface EngineParts {
  readonly instances: InstanceStore;
  readonly work: WorkStore;
  readonly hosts: HubHosts;
  readonly starter: TaskStarter;
  readonly orchestrators: Pick<OrchestratorRunner, 'run'>;
  readonly functions: CallableFunctions;
  readonly versioning: Versioning;
  readonly orchestratorSlots: Slots;
  /** Milliseconds for which an instance stays with a host that is not heard of. */
  readonly lease: number;
  /** Called by a runner that has nothing more to do. */
  readonly forget: (runner: RunnerOfInstance) => void;
  readonly log: Logger;
}
