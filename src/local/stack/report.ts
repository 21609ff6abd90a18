import type { OperationFailure, SideUrls } from '../../cli/failover-api.ts';
import { dataCenterKeys, type DataCenterKey } from '../../streams/data-center.ts';
import type { Outcome } from './main-job.ts';

/** The outcome of the main job: the one line of `--json`. */
export interface Report {
  readonly status: Outcome['status'];
  readonly streamId: string;
  readonly operationId?: string | undefined;
  readonly locatorId?: string | undefined;
  readonly protected?: boolean | undefined;
  readonly urls?: Partial<Record<DataCenterKey, SideUrls>> | undefined;
  readonly compared?: unknown;
  /** The same paths at the edge. */
  readonly edge?: SideUrls | undefined;
  readonly player?: string | undefined;
  readonly error?: OperationFailure | undefined;
  /** Why it is published, but not protected. */
  readonly problem?: OperationFailure | undefined;
  readonly seconds: { readonly start: number; readonly job: number };
}

export interface StackAddresses {
  readonly edge: string;
  readonly streaming: Readonly<Record<DataCenterKey, string>>;
}

export function reportOf(outcome: Outcome, addresses: StackAddresses, seconds: Report['seconds']): Report {
  const { operationId, streamId, status, result, error } = outcome;
  const urls: Partial<Record<DataCenterKey, SideUrls>> = {};
  for (const key of dataCenterKeys) {
    const side = result?.urls?.[key];
    // A run of an earlier start names the port its data center had then.
    if (side !== undefined) urls[key] = at(side, addresses.streaming[key]);
  }
  const any = urls.a ?? urls.b;
  const edge = any === undefined ? undefined : at(any, addresses.edge);
  return {
    status,
    streamId,
    operationId,
    locatorId: result?.locatorId,
    protected: result?.protected,
    urls,
    compared: result?.compared,
    edge,
    player: edge === undefined ? undefined : playerAddress(addresses.edge, edge.smooth),
    error: error ?? undefined,
    problem: result?.problem ?? undefined,
    seconds,
  };
}

function at(side: SideUrls, base: string): SideUrls {
  const move = (url: string): string => `${base}${new URL(url).pathname}`;
  return { smooth: move(side.smooth), hls: move(side.hls), dash: move(side.dash) };
}

/** The player page, told which stream to play. */
function playerAddress(edge: string, smooth: string): string {
  return `${edge}/player?stream=${new URL(smooth).pathname.replace(/\/manifest$/, '')}`;
}

/**
 * What a person wants to know now.
 * @param options.dataDirectory as it is given on a command line
 */
export function describeReport(
  report: Report,
  { staysUp, dataDirectory }: { staysUp: boolean; dataDirectory: string },
): string {
  const lines = report.status === 'succeeded' ? describePublished(report) : describeFailure(report);
  if (staysUp) {
    const elsewhere = dataDirectory === '.local' ? '' : ` --data-dir ${dataDirectory}`;
    const watch = report.player === undefined ? [] : [`  Watch it       ${report.player}`];
    lines.push(
      '',
      ...watch,
      `  Take A away    npx failover outage start a${elsewhere}`,
      `  Bring it back  npx failover outage end a${elsewhere}`,
      `  Another video  npx failover submit FILE${elsewhere}`,
      '',
      'Ctrl-C stops everything; the next `npm start` has it all again.',
    );
  }
  return lines.join('\n');
}

function describeFailure({ streamId, status, error }: Report): string[] {
  const what = status === 'canceled' ? 'was canceled' : 'is not published';
  return [`The stream ${streamId} ${what}: ${error === undefined ? 'no reason is known.' : error.message}`];
}

function describePublished({ streamId, urls, edge, problem, ...report }: Report): string[] {
  const headline =
    report.protected === true
      ? `The stream ${streamId} is published in both data centers, proven equal.`
      : `The stream ${streamId} is published, but NOT protected: ${problem?.message ?? 'one data center does not have it.'}`;
  const side = (title: string, side: SideUrls | undefined): string[] =>
    side === undefined
      ? []
      : [
          `  ${title}  HLS     ${side.hls}`,
          `                 DASH    ${side.dash}`,
          `                 Smooth  ${side.smooth}`,
        ];
  return [
    headline,
    '',
    ...side('Data center A', urls?.a),
    ...side('Data center B', urls?.b),
    ...side('The edge     ', edge),
  ];
}
