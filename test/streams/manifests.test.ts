import { describe, expect, it } from 'vitest';
import {
  dashFragments,
  hlsFragments,
  hlsPlaylists,
  sampleFragments,
  smoothFragments,
} from '../../src/streams/manifests.ts';

describe('a Smooth Streaming manifest', () => {
  it('gives every fragment of every quality; r is how often a chunk comes', () => {
    const text = `<?xml version="1.0" encoding="utf-8"?>
<SmoothStreamingMedia MajorVersion="2" MinorVersion="2" Duration="80000000">
  <StreamIndex Type="video" Url="QualityLevels({bitrate})/Fragments(video={start time})">
    <QualityLevel Index="0" Bitrate="400000"/><QualityLevel Index="1" Bitrate="200000"/>
    <c t="5" d="20" r="2"/><c d="7"/>
  </StreamIndex>
  <StreamIndex Type="audio" Url="QualityLevels({Bitrate})/Fragments(audio={start_time})">
    <QualityLevel Index="0" Bitrate="96000"/><c d="40"/>
  </StreamIndex>
</SmoothStreamingMedia>`;
    const video = (bitrate: number) => ({
      rendition: `video ${bitrate}`,
      fragments: [5, 25, 45].map((time) => `QualityLevels(${bitrate})/Fragments(video=${time})`),
    });
    expect(smoothFragments(text)).toEqual([
      video(400000),
      video(200000),
      { rendition: 'audio 96000', fragments: ['QualityLevels(96000)/Fragments(audio=0)'] },
    ]);
  });

  it('counts times beyond what a number holds', () => {
    const text = `<SmoothStreamingMedia><StreamIndex Type="video" Url="Q({bitrate})/F({start time})">
      <QualityLevel Bitrate="1"/><c t="9007199254740993" d="2" r="2"/></StreamIndex></SmoothStreamingMedia>`;
    expect(smoothFragments(text)[0]?.fragments).toEqual([
      'Q(1)/F(9007199254740993)',
      'Q(1)/F(9007199254740995)',
    ]);
  });

  it.each([
    '',
    'Not found',
    '<html><body>busy</body></html>',
    '<SmoothStreamingMedia><StreamIndex/></SmoothStreamingMedia>',
  ])('is not %j', (text) => {
    expect(() => smoothFragments(text)).toThrow();
  });
});

describe('a DASH manifest', () => {
  it('gives initialization and segments of every representation; r is how often one comes again', () => {
    const text = `<MPD><Period>
  <AdaptationSet>
    <SegmentTemplate media="v($RepresentationID$,$Bandwidth$,$Time$)" initialization="v($RepresentationID$,i)">
      <SegmentTimeline><S t="100" d="20" r="1"/><S d="5"/><S t="200" d="5"/></SegmentTimeline>
    </SegmentTemplate>
    <Representation id="v1" bandwidth="400000"/><Representation id="v2" bandwidth="200000"/>
  </AdaptationSet>
  <AdaptationSet>
    <Representation id="a1" bandwidth="96000">
      <SegmentTemplate media="a($Time$)" initialization="a(i)"><SegmentTimeline><S d="9"/></SegmentTimeline></SegmentTemplate>
    </Representation>
  </AdaptationSet>
</Period></MPD>`;
    const video = (id: string, bandwidth: number) => ({
      rendition: id,
      fragments: [`v(${id},i)`, ...[100, 120, 140, 200].map((time) => `v(${id},${bandwidth},${time})`)],
    });
    expect(dashFragments(text)).toEqual([
      video('v1', 400000),
      video('v2', 200000),
      { rendition: 'a1', fragments: ['a(i)', 'a(0)'] },
    ]);
  });

  it.each(['', '<SmoothStreamingMedia/>'])('is not %j', (text) => {
    expect(() => dashFragments(text)).toThrow();
  });
});

describe('HLS playlists', () => {
  it('name the media playlists, each once, of alternatives and of variants', () => {
    const text = [
      '#EXTM3U',
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="und",URI="QualityLevels(96000)/Manifest(audio)"',
      '#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="cc",INSTREAM-ID="CC1"',
      '#EXT-X-STREAM-INF:BANDWIDTH=500000,AUDIO="audio"',
      'QualityLevels(400000)/Manifest(video)',
      '#EXT-X-STREAM-INF:BANDWIDTH=100000,CODECS="mp4a.40.2"',
      'QualityLevels(96000)/Manifest(audio)',
    ];
    const playlists = ['QualityLevels(96000)/Manifest(audio)', 'QualityLevels(400000)/Manifest(video)'];
    expect(hlsPlaylists(text.join('\n'))).toEqual(playlists);
    expect(hlsPlaylists(text.join('\r\n'))).toEqual(playlists);
  });

  it('list the segments, the initialization first', () => {
    const segments = [
      '#EXTINF:2,',
      'Fragments(video=0)',
      '#EXTINF:2,',
      'Fragments(video=20)',
      '#EXT-X-ENDLIST',
      '',
    ];
    const map = '#EXT-X-MAP:URI="Fragments(video=i)"';
    expect(hlsFragments(['#EXTM3U', map, ...segments].join('\n'))).toEqual([
      'Fragments(video=i)',
      'Fragments(video=0)',
      'Fragments(video=20)',
    ]);
    expect(hlsFragments(['#EXTM3U', ...segments].join('\r\n'))).toHaveLength(2);
  });
});

describe('a sample of fragments', () => {
  const fragments = Array.from({ length: 400 }, (_, index) => `f${index}`);

  it('has the first two and the last, in order, the same for the same seed', () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const sample = sampleFragments(fragments, seed, 5);
      expect(sample).toEqual(sampleFragments(fragments, seed, 5));
      expect(sample.slice(0, 2)).toEqual(['f0', 'f1']);
      expect(sample.at(-1)).toBe('f399');
      expect(sample).toEqual(fragments.filter((fragment) => sample.includes(fragment)));
      expect(sample.length).toBeLessThanOrEqual(8);
    }
  });

  it('is another one for another seed', () => {
    const samples = new Set(Array.from({ length: 20 }, (_, seed) => sampleFragments(fragments, seed).join()));
    expect(samples.size).toBeGreaterThan(10);
  });

  it.each([0, 1, 2, 3])('of %i is all of them', (length) => {
    expect(sampleFragments(fragments.slice(0, length), 1)).toEqual(fragments.slice(0, length));
  });
});
