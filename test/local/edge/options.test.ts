import { describe, expect, it } from 'vitest';
import { readOptions } from '../../../src/local/edge/options.ts';
import { fast, frontDoor } from '../../../src/local/edge/timings.ts';

const both = ['--a', 'http://127.0.0.1:1', '--b', 'http://127.0.0.1:2'];

describe('the command line of the edge', () => {
  it('needs the two origins only', () => {
    expect(readOptions(both)).toMatchObject({
      host: '127.0.0.1',
      port: 0,
      timings: fast,
      probePath: '/health/content',
    });
  });

  it("takes Front Door's timings, each of which may be changed", () => {
    expect(readOptions([...both, '--timings', 'front-door'])?.timings).toEqual(frontDoor);
    const changed = [
      '--headers-limit',
      '1',
      '--stall-limit',
      '2',
      '--probe-interval',
      '3',
      '--sample-size',
      '5',
    ];
    expect(
      readOptions([...both, '--timings', 'front-door', ...changed, '--successful-samples', '4']),
    ).toMatchObject({
      timings: {
        headersLimit: 1,
        stallLimit: 2,
        health: { probeInterval: 3, sampleSize: 5, successfulSamples: 4 },
      },
    });
  });

  it('tells every problem at once', () => {
    expect(() => readOptions(['--a', 'ftp://x/', '--port', '99999', '--timings', 'slow'])).toThrow(
      /--a: .*http.*\n {2}--b: .*\n {2}--port: .*\n {2}--timings: .*/s,
    );
  });

  it.each([
    [['--a', 'http://127.0.0.1:1', '--b', 'http://127.0.0.1:1/'], 'must differ from --a'],
    [['--a', 'http://127.0.0.1:1/path', '--b', 'http://127.0.0.1:2'], 'must have no path'],
    [[...both, '--sample-size', '2'], 'only with --timings front-door'],
    [[...both, '--timings', 'front-door', '--sample-size', '2'], 'must not be more than --sample-size'],
    [[...both, '--unknown'], "Unknown option '--unknown'"],
    [[...both, 'word'], "Unexpected argument 'word'"],
  ])('refuses %j', (args, message) => {
    expect(() => readOptions(args)).toThrow(message);
  });

  it('tells nothing but the help when asked for it', () => {
    expect(readOptions(['--help'])).toBeUndefined();
  });
});
