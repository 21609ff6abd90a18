/** A stream's manifests at one streaming endpoint. */
export interface StreamingUrls {
  readonly smooth: string;
  readonly hls: string;
  readonly dash: string;
}

/**
 * The manifests of an origin locator.
 * @param locatorPath the locator's Path: the streaming endpoint's URL, the locator's guid, a slash
 * @param manifestFile the asset's `.ism` file
 */
export function streamingUrls(locatorPath: string, manifestFile: string): StreamingUrls {
  const base = `${locatorPath}${encodeURIComponent(manifestFile)}/manifest`;
  return {
    smooth: base,
    hls: `${base}(format=m3u8-cmaf)`,
    dash: `${base}(format=mpd-time-csf)`,
  };
}
