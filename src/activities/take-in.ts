import { AnonymousCredential, ContainerClient, newPipeline, RestError } from '@azure/storage-blob';
import { survivingEarlyAnswers } from '../transport/early-answers.ts';
import { canceledError, FinalError, RetriableError, StreamError } from '../streams/errors.ts';
import { assetFileName } from '../streams/asset-file-name.ts';
import type { RunReference } from '../streams/operation.ts';
import type { Claims } from './claims.ts';
import type { Place } from './containers.ts';
import type { Dependencies } from './dependencies.ts';
import { hearCancel } from './heard-cancel.ts';
import { headersWithin, shown } from './input-response.ts';
import { End, Intake, requestMetadata, type TakeInLimits, type TakenIn } from './intake.ts';
import { TakeInSlots } from './take-in-slots.ts';

export interface TakeInInput {
  readonly run: RunReference;
  readonly target: Place;
  readonly requestHash: string;
  /** Seconds after which it stops where the server can go on from there. */
  readonly budget: number;
}

const usualLimits: TakeInLimits = {
  atOnce: 4,
  headersWithin,
  pace: { least: 64 * 2 ** 10, window: 30_000 },
  longestWhole: 20 * 60_000,
  cancelLooks: 2000,
};

/**
 * Step 1 for a URL: streams its content into the input asset, block by block. After a crash, or when its time is up,
 * it goes on behind the blocks that are there, if the file is still the same one. It ends soon after the run is to be
 * canceled, whatever the server does.
 */
export function takeIn(
  { dataCenters, claims, settings, telemetry }: Dependencies,
  limits: TakeInLimits = usualLimits,
) {
  const slots = new TakeInSlots(limits.atOnce);
  return async ({ run, target, requestHash, budget }: TakeInInput): Promise<TakenIn> => {
    await hearCancel(claims, run);
    const { containers } = dataCenters[target.side];
    const pipeline = survivingEarlyAnswers(newPipeline(new AnonymousCredential()));
    const container = new ContainerClient(await containers.url(target.sasLocatorId), pipeline);
    const text = await claims.inputUrl(run);
    if (text === undefined) return alreadyThere(container, requestHash);
    const url = new URL(text);
    const blob = container.getBlockBlobClient(fileNameOf(url));
    const work = async (end: End): Promise<TakenIn> => {
      const intake = new Intake(blob, { requestHash, limit: settings.inputMaxBytes, limits, end });
      return (
        (await intake.committed()) ??
        (await intake.run(url, { allowPrivate: settings.allowPrivateInputUrls, budget: budget * 1000 }))
      );
    };
    const taken = await slots
      .use(run.runId, async () => endedInTime(claims, run, limits, work))
      .catch((error: unknown) => {
        if (
          error instanceof StreamError &&
          error.code.startsWith('input-url-') &&
          error.cause instanceof Error
        ) {
          const { code, cause } = error;
          telemetry.problem('InputUrlFailed', { ...run, url: shown(url), code, reason: causeText(cause) });
        }
        if (!(error instanceof RestError) || error.statusCode !== 403) throw error;
        // The signature has run out: the next execution reads a new one, and goes on behind what is there.
        containers.forget(target.sasLocatorId);
        throw new RetriableError('storage-unreachable', 'The input container refuses its SAS.', {
          cause: error,
        });
      });
    if (taken === undefined) return { finished: false, done: 0, total: 0, waits: true };
    if (taken.finished) {
      await claims.forgetInputUrl(run);
      telemetry.event('InputTakenIn', { ...run, side: target.side, url: shown(url), bytes: taken.done });
    }
    return taken;
  };
}

/** Several addresses that were tried fail together (AggregateError), and then have no message of their own. */
function causeText(cause: Error): string {
  const all = cause instanceof AggregateError ? cause.errors : [cause];
  return all.map((one) => (one instanceof Error ? one.message : String(one))).join('; ');
}

/** Does an execution's work, which is ended when the run is to be canceled, or when it does not come to an end. */
async function endedInTime(
  claims: Claims,
  run: RunReference,
  limits: TakeInLimits,
  work: (end: End) => Promise<TakenIn>,
): Promise<TakenIn> {
  const end = new End();
  let looking = false;
  const looks = setInterval(() => {
    if (looking) return;
    looking = true;
    // A look that fails is made good by the next one.
    void claims
      .cancelRequested(run)
      .then(
        (requested) => requested && end.now(canceledError()),
        () => undefined,
      )
      .finally(() => (looking = false));
  }, limits.cancelLooks);
  try {
    return await work(end);
  } catch (error) {
    throw end.signal.aborted ? end.signal.reason : error;
  } finally {
    clearInterval(looks);
    end.clear();
  }
}

function fileNameOf(url: URL): string {
  const last = url.pathname.slice(url.pathname.lastIndexOf('/') + 1);
  try {
    return assetFileName(decodeURIComponent(last));
  } catch {
    return assetFileName(last);
  }
}

/** The URL is forgotten once its content is taken in: an execution that was cut off then finds the blob. */
async function alreadyThere(container: ContainerClient, requestHash: string): Promise<TakenIn> {
  for await (const { metadata, properties } of container.listBlobsFlat({ includeMetadata: true })) {
    const bytes = properties.contentLength ?? 0;
    if (metadata?.[requestMetadata] === requestHash) return { finished: true, done: bytes, total: bytes };
  }
  throw new FinalError(
    'input-missing',
    'The URL of the input is not known any more: submit the stream again.',
  );
}
