/** One track of the `.ism`. */
export interface ManifestTrack {
  readonly kind: 'video' | 'audio';
  readonly src: string;
  readonly kbps: number;
}

/**
 * Writes the server manifest (`.ism`, SMIL 2.0): which files make up the asset. `systemBitrate` is in bits a second
 * and names the track in fragment URLs (`QualityLevels({systemBitrate})`).
 */
export function writeServerManifest(tracks: readonly ManifestTrack[]): Buffer {
  const lines = tracks.map(({ kind, src, kbps }) => {
    const language = kind === 'audio' ? ' systemLanguage="und"' : '';
    return [
      `      <${kind} src="${escapeXml(src)}" systemBitrate="${kbps * 1000}"${language}>`,
      '        <param name="trackID" value="1" valuetype="data" />',
      `        <param name="trackName" value="${kind}" valuetype="data" />`,
      `      </${kind}>`,
    ].join('\n');
  });
  return Buffer.from(
    `<?xml version="1.0" encoding="utf-8"?>
<smil xmlns="http://www.w3.org/2001/SMIL20/Language">
  <head>
    <meta name="formats" content="mp4" />
  </head>
  <body>
    <switch>
${lines.join('\n')}
    </switch>
  </body>
</smil>
`,
  );
}

function escapeXml(text: string): string {
  return text.replace(
    /[<>&"]/g,
    (character) => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;' })[character] ?? '&quot;',
  );
}
