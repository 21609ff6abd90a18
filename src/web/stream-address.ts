/** What the page's address asks it to play. */
export interface StreamAddress {
  /** What to call it: the name of the stream's file. */
  readonly name: string;
  /** Absolute. */
  readonly hls: string;
  /** Every format with its absolute URL, when they are known. */
  readonly formats: readonly { readonly name: string; readonly url: string }[];
}

/** The page's address asks for nothing that can be played; the message says what to write. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
}

/**
 * `?stream=/{locator}/{name}.ism` (with or without `/manifest…`) or `?hls={URL of a playlist}`, relative to the page.
 * @throws AddressError
 */
export function streamAddress(page: string): StreamAddress {
  const parameters = new URL(page).searchParams;
  const [stream, hls] = [parameters.get('stream'), parameters.get('hls')];
  if (stream !== null) return ofStream(stream, page);
  if (hls !== null) {
    const url = mediaUrl(hls, page);
    return { name: lastSegment(url.pathname), hls: url.href, formats: [{ name: 'HLS', url: url.href }] };
  }
  throw new AddressError('Nothing to play: add ?stream=/{locator}/{name}.ism to the address of this page.');
}

function ofStream(stream: string, page: string): StreamAddress {
  const match = /^(.*\.ism)(\/manifest.*)?$/is.exec(stream);
  if (match?.[1] === undefined) {
    throw new AddressError(`“${stream}” is not a stream: its path looks like /{locator}/{name}.ism.`);
  }
  const { href, pathname } = mediaUrl(match[1], page);
  const formats = [
    { name: 'HLS', url: `${href}/manifest(format=m3u8-cmaf)` },
    { name: 'DASH', url: `${href}/manifest(format=mpd-time-csf)` },
    { name: 'Smooth Streaming', url: `${href}/manifest` },
  ] as const;
  return { name: lastSegment(pathname).replace(/\.ism$/i, ''), hls: formats[0].url, formats };
}

function mediaUrl(text: string, page: string): URL {
  const url = URL.canParse(text, page) ? new URL(text, page) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new AddressError(`“${text}” is not an http address.`);
  }
  url.search = '';
  return url;
}

function lastSegment(path: string): string {
  const segment = path.split('/').findLast((part) => part.includes('.')) ?? path;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
