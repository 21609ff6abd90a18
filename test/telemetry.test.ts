import { describe, expect, it, vi } from 'vitest';
import { createTelemetry, withLog, type EventSink } from '../src/telemetry.ts';

function lines(work: (write: (level: string, line: string) => void) => void): [string, unknown][] {
  const written: [string, unknown][] = [];
  work((level, line) => written.push([level, JSON.parse(line)]));
  return written;
}

describe('telemetry', () => {
  it('writes events as JSON lines to the log of the invocation they happen in', () => {
    const telemetry = createTelemetry(undefined);
    const written = lines((write) =>
      withLog(write, () => {
        telemetry.event('AssetPublished', { streamId: 'film', files: 5, absent: undefined });
        telemetry.problem('EncodingStopped', { streamId: 'film' });
      }),
    );
    expect(written).toEqual([
      ['info', { event: 'AssetPublished', streamId: 'film', files: 5 }],
      ['error', { event: 'EncodingStopped', streamId: 'film' }],
    ]);
  });

  it('writes to the console outside of an invocation', () => {
    const error = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    createTelemetry(undefined).event('UploadOffered', { side: 'a' });
    expect(JSON.parse(error.mock.calls[0]![0] as string)).toMatchObject({
      level: 'info',
      event: 'UploadOffered',
      side: 'a',
    });
    error.mockRestore();
  });

  it('sends events to Application Insights when it is configured, and flushes them', async () => {
    const sent: unknown[] = [];
    let flushed = 0;
    const sink: EventSink = {
      trackEvent: (event) => void sent.push(event),
      flush: () => {
        flushed += 1;
        return Promise.resolve();
      },
    };
    const telemetry = createTelemetry({ connectionString: 'InstrumentationKey=x', identity: undefined }, () =>
      Promise.resolve(sink),
    );
    withLog(
      () => undefined,
      () => telemetry.event('AssetPublished', { streamId: 'film', files: 5, absent: undefined }),
    );
    await telemetry.flush();
    expect(sent).toEqual([
      { name: 'AssetPublished', properties: { streamId: 'film', files: '5', level: 'info' } },
    ]);
    expect(flushed).toBe(1);
  });

  it('ends in time, and without an error, when what is buffered cannot be sent', async () => {
    const written: string[] = [];
    const sinks = [() => new Promise(() => undefined), () => Promise.reject(new Error('no network'))];
    for (const flush of sinks) {
      await withLog(
        (_level, line) => written.push(line),
        () =>
          createTelemetry({ connectionString: 'InstrumentationKey=x', identity: undefined }, () =>
            Promise.resolve({ trackEvent: () => undefined, flush }),
          ).flush(),
      );
    }
    expect(written.join()).toContain('no network');
  });

  it('goes on without Application Insights when that cannot be loaded', async () => {
    const written: string[] = [];
    await withLog(
      (_level, line) => written.push(line),
      async () => {
        const telemetry = createTelemetry({ connectionString: 'nonsense', identity: undefined }, () =>
          Promise.reject(new Error('no such key')),
        );
        telemetry.event('AssetPublished', { streamId: 'film' });
        await telemetry.flush();
      },
    );
    expect(written.join()).toContain('AssetPublished');
    expect(written.join()).toContain('TelemetryUnavailable');
  });
});
