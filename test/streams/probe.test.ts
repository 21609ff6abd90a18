import { expect, it } from 'vitest';
import { manifestUrls, probeDifferences, type ProbeReport } from '../../src/streams/probe.ts';

const report = (parts: Record<string, string>): ProbeReport => ({
  parts: Object.entries(parts).map(([part, sha256]) => ({ part, sha256 })),
  requests: 1,
  bytes: 1,
});

it('names the parts that two endpoints serve differently, or that one of them alone serves', () => {
  const one = report({ smooth: '11', dash: '22', 'f 0': '33', 'f 1': '44' });
  expect(probeDifferences(one, report({ 'f 1': '44', 'f 0': '33', dash: '22', smooth: '11' }))).toEqual([]);
  expect(probeDifferences(one, report({ smooth: '11', dash: '20', 'f 0': '33', 'f 2': '44' }))).toEqual([
    'dash',
    'f 1',
    'f 2',
  ]);
});

it('reads each of the four manifests of a stream', () => {
  const smooth = 'https://one.example/guid/hello.ism/manifest';
  const urls = manifestUrls({
    smooth,
    hls: `${smooth}(format=m3u8-cmaf)`,
    dash: `${smooth}(format=mpd-time-cmaf)`,
  });
  expect(urls['hls-cmaf']).toBe('https://one.example/guid/hello.ism/manifest(format=m3u8-cmaf)');
  expect(new Set(Object.values(urls)).size).toBe(4);
});
