import { element, xmlDeclaration } from '../xml.ts';

/** One track of the `.ism`. */
export interface ManifestTrack {
  readonly kind: 'video' | 'audio';
  readonly src: string;
  /** Bits a second. */
  readonly bitrate: number;
  /** Of sound; RFC 5646, `und` when unknown. */
  readonly language?: string;
}

/**
 * Writes the server manifest (`.ism`, SMIL 2.0): which files make up the asset. `systemBitrate` is in bits a second
 * and names the track in fragment URLs (`QualityLevels({systemBitrate})`).
 */
export function writeServerManifest(tracks: readonly ManifestTrack[]): Buffer {
  const listed = tracks.map(({ kind, src, bitrate, language }) =>
    element(kind, { src, systemBitrate: bitrate, systemLanguage: language }, [
      element('param', { name: 'trackID', value: 1, valuetype: 'data' }),
      element('param', { name: 'trackName', value: kind, valuetype: 'data' }),
    ]),
  );
  const smil = element('smil', { xmlns: 'http://www.w3.org/2001/SMIL20/Language' }, [
    element('head', {}, [element('meta', { name: 'formats', content: 'mp4' })]),
    element('body', {}, [element('switch', {}, listed)]),
  ]);
  return Buffer.from(`${xmlDeclaration}\n${smil}\n`);
}
