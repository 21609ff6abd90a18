import { dataCenterKeys } from '../streams/data-center.ts';
import { exitCode, type ExitCode } from './exit-code.ts';
import type { Operation } from './failover-api.ts';
import { styleOn } from './terminal.ts';

/** Prints an operation on stdout; what the process should end with: 1 when the operation failed or was canceled. */
export function showOperation(operation: Operation, json: boolean): ExitCode {
  process.stdout.write(json ? `${JSON.stringify(operation)}\n` : `${describeOperation(operation)}\n`);
  return operation.status === 'failed' || operation.status === 'canceled' ? exitCode.failed : exitCode.ok;
}

function describeOperation(operation: Operation): string {
  const style = styleOn(process.stdout);
  const { status, step, percent, result, error, operationId } = operation;
  const colour = ({ running: 'yellow', succeeded: 'green', failed: 'red', canceled: 'red' } as const)[status];
  const lines = [`${style('bold', operationId)}  ${style(colour, status)}`];
  if (status === 'running') lines.push(`  step        ${step ?? 'starting'}, ${Math.floor(percent ?? 0)}%`);
  if (error) lines.push(`  why         ${error.message} (${error.code})`);
  if (result?.protected !== undefined) {
    lines.push(`  protected   ${result.protected ? 'yes: both sides are proven equal' : style('red', 'no')}`);
  }
  if (result?.problem) lines.push(`  because     ${result.problem.message} (${result.problem.code})`);
  for (const key of dataCenterKeys) {
    const urls = result?.urls?.[key];
    if (urls === undefined) continue;
    const side = `data center ${key.toUpperCase()}`;
    lines.push(
      `  ${side}`,
      `    HLS       ${urls.hls}`,
      `    DASH      ${urls.dash}`,
      `    Smooth    ${urls.smooth}`,
    );
  }
  return lines.join('\n');
}
