/** The player page: plays a stream with hls.js and shows which data center serves it. */
import Hls, {
  ErrorDetails,
  ErrorTypes,
  Events,
  PlaylistLevelType,
  type ErrorData,
  type FragLoadedData,
} from 'hls.js';
import { readStatus, reasonWords, showDataCenters } from './data-centers.ts';
import type { FailoverStatus } from './edge-status.ts';
import {
  colour,
  displayName,
  kilobytes,
  milliseconds,
  type Fragment,
  type ServedFragment,
} from './fragment.ts';
import { FragmentStrip, servedBy, tally } from './fragment-strip.ts';
import { find, row } from './page.ts';
import { AddressError, streamAddress, type StreamAddress } from './stream-address.ts';

/** Fragments of both tracks that are kept. */
const kept = 400;
const tableRows = 12;
/** Milliseconds. */
const statusInterval = 1000;
const figuresInterval = 250;
const retryDelay = 3000;
/** In a row, without a second that was played. */
const mostRecoveries = 3;
/** Seconds: enough to outlast a time-out of the edge, little enough that something is on its way most of the time. */
const loadAhead = 6;

const video = find('video', HTMLVideoElement);
const message = find('message', HTMLElement);
const served = find('served', HTMLElement);
const centers = find('centers', HTMLElement);
const rows = find('rows', HTMLElement);
const repeat = find('repeat', HTMLInputElement);
const strip = new FragmentStrip(find('strip', HTMLElement));
const figure = {
  rendition: find('rendition', HTMLElement),
  buffer: find('buffer', HTMLElement),
  fragments: find('fragments', HTMLElement),
  failovers: find('failovers', HTMLElement),
};

let fragments: Fragment[] = [];
let failovers: readonly FailoverStatus[] = [];
/** How often decoding was begun anew at one place, and where that was, in seconds. */
let recoveries = { count: 0, at: 0 };

function tell(text: string | undefined): void {
  message.hidden = text === undefined;
  message.textContent = text ?? '';
}

function showAddress(address: StreamAddress): void {
  document.title = `${address.name} · Failover streaming`;
  find('title', HTMLElement).textContent = address.name;
  find('formats', HTMLElement).replaceChildren(
    ...address.formats.flatMap(({ name, url }) => {
      const [term, description] = [document.createElement('dt'), document.createElement('dd')];
      const [link, text] = [document.createElement('a'), document.createElement('code')];
      term.textContent = name;
      text.textContent = url;
      link.href = url;
      link.append(text);
      description.append(link);
      return [term, description];
    }),
  );
}

/** A failover in the midst of a body is known only after its headers: the edge's status tells of it. */
function asServed(fragment: Fragment): ServedFragment {
  const last = failovers.findLast(
    ({ requestId, atByte }) => requestId === fragment.requestId && atByte !== undefined,
  );
  return last?.atByte === undefined
    ? { ...fragment, wentOn: undefined }
    : { ...fragment, dataCenter: last.to, wentOn: { from: last.from, atByte: last.atByte } };
}

function showFragments(): void {
  const all = fragments.map(asServed);
  strip.show(all);
  const newestFirst = all.slice(-tableRows).reverse();
  rows.replaceChildren(
    ...newestFirst.map((fragment) =>
      row([
        `${fragment.track} ${fragment.sequence}`,
        servedBy(fragment),
        milliseconds(fragment.firstByte),
        milliseconds(fragment.whole),
        kilobytes(fragment.bytes),
      ]),
    ),
  );
  const [latest] = newestFirst;
  if (latest === undefined) return;
  figure.fragments.textContent = tally(all);
  const sentence = `Served by data center ${displayName(latest.dataCenter)}`;
  // A live region speaks at every change of its text: only another data center is one.
  if (served.textContent !== sentence) served.textContent = sentence;
  served.className = `served ${colour(latest.dataCenter)}`;
}

function onFragment({ frag, networkDetails }: FragLoadedData): void {
  if (typeof frag.sn !== 'number') return;
  const request: unknown = networkDetails;
  const header = (name: string): string | undefined =>
    request instanceof XMLHttpRequest ? (request.getResponseHeader(name) ?? undefined) : undefined;
  const { start, first, end } = frag.stats.loading;
  fragments.push({
    track: frag.type === PlaylistLevelType.AUDIO ? 'audio' : 'video',
    sequence: frag.sn,
    dataCenter: header('x-data-center') ?? new URL(frag.url).host,
    requestId: header('x-request-id'),
    firstByte: first - start,
    whole: end - start,
    bytes: frag.stats.total,
  });
  fragments = fragments.slice(-kept);
  showFragments();
}

function showFigures(hls: Hls): void {
  const level = hls.levels[hls.currentLevel];
  if (level !== undefined) {
    const rate = Math.round(level.bitrate / 1000).toLocaleString('en');
    figure.rendition.textContent = `${level.width}×${level.height}, ${rate} kbit/s`;
  }
  const ahead = hls.mainForwardBufferInfo?.len ?? 0;
  figure.buffer.textContent = `${ahead.toFixed(1)} s`;
}

function errorWords({ type, details, response }: ErrorData): string {
  if (type === ErrorTypes.NETWORK_ERROR) {
    const status = response?.code ?? 0;
    if (status === 404) {
      const thing = details === ErrorDetails.MANIFEST_LOAD_ERROR ? 'This stream' : 'A part of this stream';
      return `${thing} is not published here: neither data center has it.`;
    }
    return status >= 500
      ? 'No data center can answer at the moment. Trying again …'
      : 'The stream cannot be reached at the moment. Trying again …';
  }
  if (type === ErrorTypes.MEDIA_ERROR) return 'The video could not be decoded. Trying again …';
  return `Playback failed (${details}).`;
}

function onError(hls: Hls, error: ErrorData): void {
  const standing = video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
  // hls.js tries again by itself until an error is fatal: a viewer whose picture moves need not know.
  if (error.fatal || (standing && error.type === ErrorTypes.NETWORK_ERROR)) tell(errorWords(error));
  if (!error.fatal) return;
  if (error.type === ErrorTypes.MEDIA_ERROR) {
    recoverOrGiveUp(hls);
  } else if (error.type === ErrorTypes.NETWORK_ERROR && error.response?.code !== 404) {
    const { url } = hls;
    setTimeout(() => {
      if (hls.levels.length > 0) hls.startLoad();
      else if (url !== null) hls.loadSource(url);
    }, retryDelay);
  } else {
    hls.destroy();
  }
}

/** Beginning anew helps a decoder that has stumbled; a video that this browser cannot decode would do so for ever. */
function recoverOrGiveUp(hls: Hls): void {
  const at = video.currentTime;
  recoveries = { count: Math.abs(at - recoveries.at) > 1 ? 1 : recoveries.count + 1, at };
  if (recoveries.count <= mostRecoveries) {
    hls.recoverMediaError();
  } else {
    hls.destroy();
    tell('This browser cannot decode the video.');
  }
}

async function watchEdge(): Promise<void> {
  const status = await readStatus();
  if (status !== undefined) {
    showDataCenters(centers, status);
    ({ failovers } = status);
    const last = failovers.at(-1);
    figure.failovers.textContent =
      last === undefined
        ? 'none'
        : `${failovers.length}; last: ${displayName(last.from)} ${reasonWords(last.reason)}`;
    showFragments();
  }
  setTimeout(() => void watchEdge(), statusInterval);
}

function play(): void {
  const address = streamAddress(location.href);
  showAddress(address);
  if (new URL(address.hls).origin === location.origin) void watchEdge();
  // Chromium says "maybe" to HLS of its own and fails on some playlists: hls.js comes first.
  if (!Hls.isSupported()) {
    if (video.canPlayType('application/vnd.apple.mpegurl') === '') {
      tell('This browser can play neither through Media Source Extensions nor HLS by itself.');
    } else {
      video.src = address.hls;
    }
    return;
  }
  const hls = new Hls({
    maxBufferLength: loadAhead,
    maxMaxBufferLength: loadAhead,
    xhrSetup(request, url) {
      // To another origin this header would need a preflight.
      if (repeat.checked && new URL(url).origin === location.origin) {
        request.setRequestHeader('Cache-Control', 'no-cache');
      }
    },
  });
  hls.on(Events.FRAG_LOADED, (_event, data) => onFragment(data));
  hls.on(Events.ERROR, (_event, error) => onError(hls, error));
  video.addEventListener('playing', () => tell(undefined));
  video.addEventListener('ended', () => {
    // Going back alone would find everything in the buffer still.
    if (repeat.checked) hls.loadSource(address.hls);
  });
  setInterval(() => showFigures(hls), figuresInterval);
  hls.loadSource(address.hls);
  hls.attachMedia(video);
  hls.on(Events.MANIFEST_PARSED, () => {
    // Refused when the page may not start playback by itself: the controls are there.
    video.play().catch(() => undefined);
  });
}

try {
  play();
} catch (error) {
  if (!(error instanceof AddressError)) throw error;
  tell(error.message);
}
