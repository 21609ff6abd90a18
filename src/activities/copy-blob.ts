import { copyBlob as copy } from '../blob-copy/copy-blob.ts';
import { ServerSideRefusals } from '../blob-copy/refusals.ts';
import type { RunReference } from '../streams/operation.ts';
import { betweenContainers, type Place } from './containers.ts';
import type { Dependencies } from './dependencies.ts';
import { betweenLooks, unlessCanceled } from './heard-cancel.ts';
import type { BlobVersion } from './list-batch.ts';

export interface CopyBlobInput {
  readonly run: RunReference;
  readonly source: Place;
  readonly target: Place;
  readonly blob: BlobVersion;
}

export interface CopyBlobResult {
  /** Bytes. */
  readonly size: number;
  readonly way: 'skipped' | 'server-side' | 'streamed';
}

/** Step 9: copies one version of one blob, or finds it there; ends soon after its run is to be canceled. */
export function copyBlob({ dataCenters, claims }: Dependencies, looks = betweenLooks) {
  // Shared by all copies of this process: a way that an account refuses is not tried again for each blob.
  const refusals = new ServerSideRefusals();
  return async ({ run, source, target, blob }: CopyBlobInput): Promise<CopyBlobResult> => {
    const opened = ({ side, sasLocatorId }: Place, as: 'source' | 'target') => ({
      containers: dataCenters[side].containers,
      locatorId: sasLocatorId,
      as,
    });
    const { size, way } = await unlessCanceled(
      claims,
      run,
      (signal) =>
        betweenContainers(opened(source, 'source'), opened(target, 'target'), (from, to) =>
          copy({ source: from, target: to, refusals, signal, ...blob }),
        ),
      looks,
    );
    return { size, way };
  };
}
