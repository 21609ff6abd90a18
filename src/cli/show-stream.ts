import { dataCenterKeys } from '../streams/data-center.ts';
import type { Operation, Stream } from './failover-api.ts';
import { readableBytes } from './progress.ts';
import { styleOn } from './terminal.ts';

/**
 * Prints a stream on stdout.
 * @param running the run that is changing it just now
 */
export function showStream(stream: Stream, json: boolean, running?: Operation): void {
  process.stdout.write(json ? `${JSON.stringify(stream)}\n` : `${describe(stream, running)}\n`);
}

function describe(stream: Stream, running: Operation | undefined): string {
  const style = styleOn(process.stdout);
  const state = stream.protected
    ? style('green', 'protected')
    : dataCenterKeys.some((key) => stream.sides[key]?.reachable === false)
      ? style('yellow', 'not known to be protected')
      : style('red', 'not protected');
  const lines = [`${style('bold', stream.streamId)}  ${state}`];
  for (const key of dataCenterKeys) {
    const side = stream.sides[key];
    const role = key === stream.source ? 'source' : 'replica';
    const title = `  data center ${key.toUpperCase()}  ${role.padEnd(7)}`;
    if (side === undefined) {
      lines.push(`${title}  has nothing`);
      continue;
    }
    if (!side.reachable) {
      lines.push(`${title}  ${style('red', 'unreachable')}  ${side.problem.message}`);
      continue;
    }
    lines.push(`${title}  ${side.files} files, ${readableBytes(side.bytes)}`);
    if (side.urls !== undefined) {
      lines.push(
        `    HLS       ${side.urls.hls}`,
        `    DASH      ${side.urls.dash}`,
        `    Smooth    ${side.urls.smooth}`,
      );
    }
  }
  for (const difference of stream.differences) lines.push(`  ${style('yellow', 'differs')}  ${difference}`);
  if (stream.operationId !== undefined) {
    const now =
      running === undefined
        ? ''
        : `  running: ${running.step ?? 'starting'}, ${Math.floor(running.percent ?? 0)}%`;
    lines.push(`  latest run  ${stream.operationId}${now}`);
  }
  return lines.join('\n');
}
