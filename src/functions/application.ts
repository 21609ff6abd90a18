import type { Activities } from '../activities/activities.ts';
import type { Dependencies } from '../activities/dependencies.ts';
import type { WorkflowConfig } from '../config/workflow.ts';
import type { Patience } from '../streams/operation.ts';

/** What the functions are made from: built once, in `main.ts`. */
export interface Application {
  readonly config: WorkflowConfig;
  readonly dependencies: Dependencies;
  readonly activities: Activities;
}

/** Minutes, while nothing is lost by beginning again. */
const sourcePatience = 10;

export function patienceOf(config: WorkflowConfig): Patience {
  return {
    source: sourcePatience,
    encoding: config.sourcePatienceMinutes,
    target: config.targetPatienceMinutes,
    job: config.jobPatienceMinutes,
    queue: config.queuePatienceHours * 60,
  };
}
