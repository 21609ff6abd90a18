import { createHash } from 'node:crypto';
import type { DataCenterKey } from '../streams/data-center.ts';
import { RetriableError } from '../streams/errors.ts';
import {
  dashFragments,
  hlsFragments,
  hlsPlaylists,
  sampleFragments,
  smoothFragments,
  type RenditionFragments,
} from '../streams/manifests.ts';
import type { RunReference } from '../streams/operation.ts';
import { manifestUrls, type ProbeReport } from '../streams/probe.ts';
import type { StreamingUrls } from '../streams/streaming-urls.ts';
import type { Dependencies } from './dependencies.ts';

export interface ProbeOriginInput {
  readonly run: RunReference;
  readonly side: DataCenterKey;
  readonly urls: StreamingUrls;
  /** The same for both sides, so that both are asked for the same fragments. */
  readonly seed: number;
}

/** Milliseconds that one request may take, its body included. */
const timeLimit = 60_000;

/**
 * Step 13: reads every manifest whole, and of each rendition the first, the last and some seeded fragments; answers
 * with their hashes, for the two sides to be held against each other.
 */
export function probeOrigin({ dataCenters, telemetry }: Dependencies) {
  return async ({ run, side, urls, seed }: ProbeOriginInput): Promise<ProbeReport> => {
    const probe = new Probe(dataCenters[side].name);
    const manifests = manifestUrls(urls);
    for (const format of ['smooth', 'dash-csf', 'dash-cmaf'] as const) {
      const url = manifests[format];
      const text = await probe.read(`${format} manifest`, url);
      const renditions = probe.parsed(`${format} manifest`, () =>
        format === 'smooth' ? smoothFragments(text) : dashFragments(text),
      );
      for (const rendition of renditions) await probe.sample(format, rendition, url, seed);
    }
    const url = manifests['hls-cmaf'];
    const playlists = hlsPlaylists(await probe.read('hls-cmaf manifest', url));
    probe.expect('hls-cmaf manifest', playlists.length > 0);
    for (const playlist of playlists) {
      const playlistUrl = new URL(playlist, url).href;
      const fragments = hlsFragments(await probe.read(`hls-cmaf ${playlist}`, playlistUrl));
      await probe.sample('hls-cmaf', { rendition: playlist, fragments }, playlistUrl, seed);
    }
    telemetry.event('OriginProbed', { ...run, side, requests: probe.requests, bytes: probe.bytes });
    return { parts: probe.parts, requests: probe.requests, bytes: probe.bytes };
  };
}

class Probe {
  readonly parts: { readonly part: string; readonly sha256: string }[] = [];
  requests = 0;
  bytes = 0;
  readonly #dataCenter: string;
  readonly #fragments = new Map<string, Buffer>();

  constructor(dataCenter: string) {
    this.#dataCenter = dataCenter;
  }

  /** Reads a manifest, and adds its hash under this name. */
  async read(part: string, url: string): Promise<string> {
    const body = await this.#get(part, url);
    this.parts.push({ part, sha256: createHash('sha256').update(body).digest('hex') });
    return body.toString('utf8');
  }

  /** Reads some fragments of a rendition, and adds one hash over them. */
  async sample(
    format: string,
    { rendition, fragments }: RenditionFragments,
    base: string,
    seed: number,
  ): Promise<void> {
    const part = `${format} fragments of ${rendition}`;
    this.expect(part, fragments.length > 0);
    const hash = createHash('sha256');
    for (const fragment of sampleFragments(fragments, seed)) {
      hash.update(fragment).update(await this.#fragmentHash(part, new URL(fragment, base).href));
    }
    this.parts.push({ part, sha256: hash.digest('hex') });
  }

  /** Formats share fragments: each is read once. */
  async #fragmentHash(part: string, url: string): Promise<Buffer> {
    const known = this.#fragments.get(url);
    if (known !== undefined) return known;
    const hash = createHash('sha256')
      .update(await this.#get(part, url))
      .digest();
    this.#fragments.set(url, hash);
    return hash;
  }

  parsed<Value>(part: string, parse: () => readonly Value[]): readonly Value[] {
    let values: readonly Value[] = [];
    try {
      values = parse();
    } catch {
      // Told below: a manifest that cannot be read names no rendition.
    }
    this.expect(part, values.length > 0);
    return values;
  }

  expect(part: string, holds: boolean): void {
    if (!holds) throw this.#failed(part, 'names nothing to play');
  }

  async #get(part: string, url: string): Promise<Buffer> {
    let response: Response;
    let body: Buffer;
    try {
      response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(timeLimit) });
      body = Buffer.from(await response.arrayBuffer());
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new RetriableError(
        'origin-unreachable',
        `The streaming endpoint of ${this.#dataCenter} cannot be read: ${why}`,
      );
    }
    this.requests += 1;
    this.bytes += body.length;
    if (response.status >= 500) {
      throw new RetriableError(
        'origin-unreachable',
        `The streaming endpoint of ${this.#dataCenter} answered ${response.status} to its ${part}.`,
      );
    }
    if (response.status !== 200) throw this.#failed(part, `was answered with ${response.status}`);
    return body;
  }

  /** Retriable: a new locator takes a while to be known to every instance of a streaming endpoint. */
  #failed(part: string, what: string): RetriableError {
    return new RetriableError('probe-failed', `At ${this.#dataCenter}, the ${part} ${what}.`);
  }
}
