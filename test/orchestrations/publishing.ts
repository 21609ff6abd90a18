import { expect, vi } from 'vitest';
import type { Claim } from '../../src/activities/claims.ts';
import type { ActivitySettings } from '../../src/activities/dependencies.ts';
import type { JobId } from '../../src/media-service/model.ts';
import { copyBlobs } from '../../src/orchestrations/copy-blobs.ts';
import { publishStream, type PublishStreamInput } from '../../src/orchestrations/publish-stream.ts';
import { replicateAsset } from '../../src/orchestrations/replicate-asset.ts';
import { takeInput } from '../../src/orchestrations/take-input.ts';
import { waitForJob } from '../../src/orchestrations/wait-for-job.ts';
import { parseFailureText, type Failure } from '../../src/streams/errors.ts';
import { operationIdOf, type RunId, type StreamId } from '../../src/streams/stream-id.ts';
import { TwoDataCenters } from '../two-data-centers.ts';
import { ReplayEngine, type ActivityCall, type Run } from './replay-engine.ts';

const orchestrations = { publishStream, replicateAsset, copyBlobs, takeInput, waitForJob };
type Perform = (call: ActivityCall) => Promise<unknown>;

/** Runs of `publishStream` between two data centers, in virtual time. */
export class Publishing {
  readonly both: TwoDataCenters;
  /** The file of each job. */
  readonly encoded: (string | undefined)[] = [];
  /** Runs so far. */
  count = 0;

  private constructor(both: TwoDataCenters) {
    this.both = both;
  }

  static async start(settings: Partial<ActivitySettings> = {}): Promise<Publishing> {
    const both = await TwoDataCenters.start(settings);
    const publishing = new Publishing(both);
    await both.startFixtureEncoder('a', (input) => {
      publishing.encoded.push(input);
      return input === 'text.mp4' ? 'fail' : input === 'slow.mp4' ? 'hang' : 'finish';
    });
    return publishing;
  }

  close(): Promise<void> {
    return this.both.close();
  }

  /** A run's input, from an upload. */
  async prepare(
    name: string,
    file: { readonly name: string; readonly content: string } = { name: 'hello.mp4', content: 'a video' },
  ): Promise<PublishStreamInput> {
    return this.claimed(name, { assetId: await this.both.upload('a', { [file.name]: file.content }) });
  }

  /** A run's input, and its claim. */
  async claimed(
    name: string,
    input: PublishStreamInput['input'],
    inputUrl?: string,
  ): Promise<PublishStreamInput> {
    this.count += 1;
    const streamId = `${name}-${this.count}` as StreamId;
    const runId = this.count.toString(16).padStart(16, '0') as RunId;
    const claim: Claim = {
      subject: streamId,
      runId,
      kind: 'publish',
      requestHash: 'hash',
      publishHash: 'hash',
      input: {},
      started: false,
      claimedAt: Date.now(),
    };
    await this.both.dependencies.claims.insert(claim, inputUrl);
    return {
      run: { streamId, runId },
      source: 'a',
      input,
      requestHash: 'hash',
      preset: 'Adaptive Streaming',
      patience: { source: 5, target: 5, job: 60 },
      resumes: false,
    };
  }

  async publish(
    input: PublishStreamInput,
    perform: Perform = this.both.perform(),
    onEngine: (engine: ReplayEngine, id: string) => void = () => undefined,
  ): Promise<Run & { readonly engine: ReplayEngine }> {
    const engine = new ReplayEngine(orchestrations, this.#atPaceOfEncoder(perform));
    const id = operationIdOf(input.run.streamId, input.run.runId);
    onEngine(engine, id);
    return { ...(await engine.run('publishStream', input, id)), engine };
  }

  /** Virtual time leaps from look to look at a job: the encoder, whose time is real, is let come to rest before each. */
  #atPaceOfEncoder(perform: Perform): Perform {
    return async (call) => {
      if (call.name === 'readJob') await this.both.encoderAtRest();
      const outcome = await perform(call);
      if (call.name === 'cancelJob') await this.#ended(call.input['jobId'] as JobId);
      return outcome;
    };
  }

  async #ended(jobId: JobId): Promise<void> {
    const job = async () => this.both.media('a').job(jobId);
    // Finished, failed or canceled.
    await vi.waitFor(async () => expect([3, 4, 5]).toContain((await job())?.State), { timeout: 30_000 });
  }
}

/** What a failed run tells. */
export function failureOf(run: Run): Failure {
  expect(run.error).toBeDefined();
  return parseFailureText(`Orchestrator function 'publishStream' failed: ${run.error!}`);
}
