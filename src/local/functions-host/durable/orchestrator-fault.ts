/** The orchestrator does something that cannot succeed; it fails with this message. */
export class OrchestratorFaultError extends Error {
  override readonly name = 'OrchestratorFaultError';
  readonly code = 'orchestrator-fault';
}
