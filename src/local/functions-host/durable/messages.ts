interface ResultOf {
  readonly executionId: string;
  readonly taskId: number;
  readonly outcome: TaskOutcome;
}

interface Because {
  readonly reason: string;
}

/** What reaches an orchestration from outside its own history, once each. */
export type Message = { readonly key: string } & (
  | ({ readonly kind: 'taskResult' } & ResultOf)
  | ({ readonly kind: 'subOrchestrationResult' } & ResultOf)
  | { readonly kind: 'event'; readonly name: string; readonly input: string | null }
  | ({ readonly kind: 'terminate' } & Because)
  | ({ readonly kind: 'suspend' } & Because)
  | ({ readonly kind: 'resume' } & Because)
);

/** How an activity or a sub-orchestration ended. */
export type TaskOutcome =
  | { readonly failed: false; readonly result: string }
  | { readonly failed: true; readonly reason: string; readonly details: string };

/** A failure as the real host reports it to a caller: `reason` and, as `details`, the exception's JSON. */
export function failure(reason: string, message: string): TaskOutcome {
  return {
    failed: true,
    reason,
    details: JSON.stringify({
      $type: 'System.Exception, System.Private.CoreLib',
      ClassName: 'System.Exception',
      Message: message,
    }),
  };
}
