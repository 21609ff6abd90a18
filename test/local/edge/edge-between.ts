import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { expect, vi } from 'vitest';
import { startEdge, type Edge } from '../../../src/local/edge/edge.ts';
import { fast, type FailureMemoryTimings, type Timings } from '../../../src/local/edge/timings.ts';
import type { EventProperties } from '../../../src/telemetry.ts';
import type { OriginState } from '../../../src/web/edge-status.ts';
import { UnsteadyOrigin } from './unsteady-origin.ts';

export const stream = '/3f2504e0-4f89-11d3-9a0c-0305e82c3301/hello.ism';
export const fragment = `${stream}/QualityLevels(1500000)/Fragments(video=0,format=mpd-time-cmaf)`;

/** As the real ones, shorter: what is measured in these tests are decisions, not seconds. */
export const quick: Timings = {
  ...fast,
  headersLimit: 400,
  stallLimit: 400,
  health: {
    ...(fast.health as FailureMemoryTimings),
    doubtSpacing: 10,
    restFirst: 100,
    restLongest: 400,
    probeSpacing: 20,
  },
};

export const md5 = (bytes: Buffer): string => createHash('md5').update(bytes).digest('hex');

export interface Got {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
  /** The error that ended the body. */
  readonly brokeOff: string | undefined;
}

/** An edge between two origins that fail as they are told. */
export class EdgeBetween {
  readonly a = new UnsteadyOrigin();
  readonly b = new UnsteadyOrigin();
  readonly logged: { readonly name: string; readonly properties: EventProperties; readonly at: number }[] =
    [];
  edge!: Edge;

  static async start(timings: Timings = quick): Promise<EdgeBetween> {
    const on = new EdgeBetween();
    await Promise.all([on.a.start(), on.b.start()]);
    on.edge = await on.#startEdge(timings);
    return on;
  }

  async restart(timings: Timings): Promise<void> {
    await this.edge.close();
    this.edge = await this.#startEdge(timings);
  }

  async stop(): Promise<void> {
    await this.edge.close();
    await Promise.all([this.a, this.b].map((origin) => origin.stop().catch(() => undefined)));
  }

  #startEdge(timings: Timings): Promise<Edge> {
    const record = (name: string, properties: EventProperties): void => {
      this.logged.push({ name, properties, at: performance.now() });
    };
    return startEdge({
      origins: { a: this.a.url, b: this.b.url },
      host: '127.0.0.1',
      port: 0,
      timings,
      probePath: '/health/content',
      pages: undefined,
      telemetry: { event: record, problem: record, flush: async () => undefined },
    });
  }

  /** A plain client: unlike `fetch` it shows every header, and how much of a body came before it broke off. */
  async get(path: string, headers: http.OutgoingHttpHeaders = {}, method = 'GET'): Promise<Got> {
    const request = http.request(`${this.edge.url}${path}`, { method, headers, agent: false });
    request.end();
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    // An error after the headers is the body's as well, where it is looked at.
    request.on('error', () => undefined);
    const chunks: Buffer[] = [];
    let brokeOff: string | undefined;
    try {
      for await (const chunk of response) chunks.push(chunk as Buffer);
    } catch (error) {
      brokeOff = (error as Error).message;
    }
    const { statusCode: status = 0, headers: received } = response;
    return { status, headers: received, body: Buffer.concat(chunks), brokeOff };
  }

  /** The whole fragment came, byte for byte, and its headers said from where. */
  expectWhole(got: Got, from: 'a' | 'b'): void {
    expect(got.brokeOff).toBeUndefined();
    expect(got.status).toBe(200);
    expect(got.headers['x-data-center']).toBe(from);
    expect(md5(got.body)).toBe(md5(this.b.content(fragment)));
  }

  /** Waits until A is in a state. */
  async becomes(state: OriginState): Promise<void> {
    await vi.waitFor(() => expect(this.edge.status().dataCenters['a']?.state).toBe(state), {
      timeout: 10_000,
      interval: 5,
    });
  }
}
