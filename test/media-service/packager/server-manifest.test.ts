import { describe, expect, it } from 'vitest';
import { MalformedMediaError } from '../../../src/media-service/boxes/malformed-media.ts';
import { readServerManifest } from '../../../src/media-service/packager/server-manifest.ts';

const smil = (body: string): string =>
  `<?xml version="1.0" encoding="utf-8" standalone="yes"?>\r\n<smil xmlns="http://www.w3.org/2001/SMIL20/Language"><head><meta name="formats" content="mp4" /></head><body><switch>${body}</switch></body></smil>\r\n`;
const video = '<video src="a.cmfv" systemBitrate="700000"/>';

describe('a server manifest', () => {
  it('lists tracks with what it says of them', () => {
    const text = smil(`
      <video src="my film &amp; more_400.cmfv" systemBitrate="400000">
        <param name="trackID" value="1" valuetype="data"/><param name="trackName" value="video" valuetype="data"/>
      </video>
      <audio src="Grüße.cmfa" systemBitrate="128000" systemLanguage="de-AT">
        <param name="trackName" value="aac_de_2_128" valuetype="data"/>
      </audio>`);
    expect(readServerManifest(text)).toEqual([
      {
        kind: 'video',
        source: 'my film & more_400.cmfv',
        bitrate: 400_000,
        stream: 'video',
        language: 'und',
      },
      { kind: 'audio', source: 'Grüße.cmfa', bitrate: 128_000, stream: 'aac_de_2_128', language: 'de-AT' },
    ]);
  });

  it('may leave out names, language and switch', () => {
    const text = `<smil><body>${video}<audio src="a.cmfa" systemBitrate="64000" systemLanguage='"&lt;x'/></body></smil>`;
    expect(readServerManifest(text)).toEqual([
      { kind: 'video', source: 'a.cmfv', bitrate: 700_000, stream: 'video', language: 'und' },
      { kind: 'audio', source: 'a.cmfa', bitrate: 64_000, stream: 'audio', language: 'und' },
    ]);
  });

  it.each([
    ['nothing', ''],
    ['text', 'WEBVTT'],
    ['another document', '<MPD></MPD>'],
    ['no tracks', smil('')],
    ['a manifest cut short', smil(video).slice(0, -20)],
    ['an entity bomb', `<!DOCTYPE smil [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>${smil(video)}`],
    ['no src', smil('<video systemBitrate="1"/>')],
    ['no bitrate', smil('<video src="a.cmfv"/>')],
    ['a bitrate of 0', smil('<video src="a.cmfv" systemBitrate="0"/>')],
    ['a bitrate with a fraction', smil('<video src="a.cmfv" systemBitrate="1.5"/>')],
    [
      'a name that would break a URL',
      smil('<video src="a" systemBitrate="1"><param name="trackName" value="a=b),("/></video>'),
    ],
  ])('refuses %s', (_, text) => {
    expect(() => readServerManifest(text)).toThrow(MalformedMediaError);
  });
});
