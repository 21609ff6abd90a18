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
import { FragmentStrip, servedBy } from './fragment-strip.ts';
import { AddressError, streamAddress, type StreamAddress } from './stream-address.ts';

/** Fragments of both tracks that are kept. */
const kept = 240;
const tableRows = 12;
const statusInterval = 1000;
const retryDelay = 3000;

function find<Type extends HTMLElement>(id: string, type: abstract new () => Type): Type {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`The page has no ${type.name} “${id}”`);
  return element;
}

const video = find('video', HTMLVideoElement);
const message = find('message', HTMLElement);
const served = find('served', HTMLElement);
const centers = find('centers', HTMLElement);
const rows = find('rows', HTMLElement);
const strip = new FragmentStrip(find('strip', HTMLElement));
const figure = {
  rendition: find('rendition', HTMLElement),
  buffer: find('buffer', HTMLElement),
  fragments: find('fragments', HTMLElement),
  failovers: find('failovers', HTMLElement),
};

let fragments: Fragment[] = [];
let failovers: readonly FailoverStatus[] = [];

function tell(text: string | undefined): void {
  message.hidden = text === undefined;
  message.textContent = text ?? '';
}

function showAddress(address: StreamAddress): void {
  document.title = `${address.name} · Failover streaming`;
  find('title', HTMLElement).textContent = address.name;
  find('formats', HTMLElement).replaceChildren(
    ...address.formats.flatMap(({ name, url }) => {
      const [term, description, link] = [
        document.createElement('dt'),
        document.createElement('dd'),
        document.createElement('a'),
      ];
      term.textContent = name;
      link.href = url;
      link.append(document.createElement('code'));
      link.firstElementChild?.append(decodeURI(url));
      description.append(link);
      return [term, description];
    }),
  );
}

/** A failover in the midst of a body is known only after its headers: the edge's status tells of it. */
function asServed(fragment: Fragment): ServedFragment {
  const inBody = failovers.filter(
    ({ requestId, atByte }) => requestId === fragment.requestId && atByte !== undefined,
  );
  const last = inBody.at(-1);
  return last?.atByte === undefined
    ? { ...fragment, wentOn: undefined }
    : { ...fragment, dataCenter: last.to, wentOn: { from: last.from, atByte: last.atByte } };
}

function showFragments(): void {
  const all = fragments.map(asServed);
  strip.show(all);
  rows.replaceChildren(
    ...all
      .slice(-tableRows)
      .reverse()
      .map((fragment) => {
        const row = document.createElement('tr');
        const texts = [
          `${fragment.track} ${fragment.sequence}`,
          servedBy(fragment),
          milliseconds(fragment.firstByte),
          milliseconds(fragment.whole),
          kilobytes(fragment.bytes),
        ];
        row.append(
          ...texts.map((text) => {
            const cell = document.createElement('td');
            cell.textContent = text;
            return cell;
          }),
        );
        return row;
      }),
  );
  const counts = new Map<string, number>();
  for (const { dataCenter } of all) counts.set(dataCenter, (counts.get(dataCenter) ?? 0) + 1);
  figure.fragments.textContent =
    [...counts].map(([dataCenter, count]) => `${displayName(dataCenter)} ${count}`).join(' · ') || '–';
  const latest = all.at(-1);
  if (latest === undefined) return;
  const sentence = `Served by data center ${displayName(latest.dataCenter)}`;
  // A live region speaks at every change of its text: only a new data center is one.
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
  const { buffered, currentTime } = video;
  let ahead = 0;
  for (let index = 0; index < buffered.length; index++) {
    if (buffered.start(index) <= currentTime + 0.1 && buffered.end(index) > currentTime) {
      ahead = buffered.end(index) - currentTime;
    }
  }
  figure.buffer.textContent = `${ahead.toFixed(1)} s`;
}

/** Undefined: nothing a viewer needs to know. */
function errorWords(error: ErrorData): string | undefined {
  const status = error.response?.code ?? 0;
  if (error.type === ErrorTypes.NETWORK_ERROR) {
    const thing =
      error.details === ErrorDetails.MANIFEST_LOAD_ERROR ? 'This stream' : 'A part of this stream';
    if (status === 404) return `${thing} is not published here.`;
    if (status >= 500) return 'No data center can answer at the moment. Trying again …';
    return 'The stream cannot be reached at the moment. Trying again …';
  }
  if (error.type === ErrorTypes.MEDIA_ERROR) return 'The video could not be decoded. Trying again …';
  return `Playback failed: ${error.details}.`;
}

function onError(hls: Hls, error: ErrorData): void {
  if (!error.fatal) return;
  tell(errorWords(error));
  if (error.type === ErrorTypes.MEDIA_ERROR) {
    hls.recoverMediaError();
  } else if (error.type === ErrorTypes.NETWORK_ERROR && error.response?.code !== 404) {
    const url = hls.url ?? '';
    setTimeout(() => (hls.levels.length > 0 ? hls.startLoad() : hls.loadSource(url)), retryDelay);
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
        : `${failovers.length}, the last: ${last.from.toUpperCase()} ${reasonWords(last.reason)}`;
    showFragments();
  }
  setTimeout(() => void watchEdge(), statusInterval);
}

function play(): void {
  const address = streamAddress(location.href);
  showAddress(address);
  void watchEdge();
  // Chromium says "maybe" to HLS of its own and fails on some playlists: hls.js comes first.
  if (!Hls.isSupported()) {
    if (video.canPlayType('application/vnd.apple.mpegurl') === '') {
      tell('This browser can play neither with Media Source Extensions nor HLS by itself.');
      return;
    }
    video.src = address.hls;
    return;
  }
  const hls = new Hls();
  hls.on(Events.FRAG_LOADED, (_event, data) => onFragment(data));
  hls.on(Events.ERROR, (_event, error) => onError(hls, error));
  video.addEventListener('playing', () => tell(undefined));
  setInterval(() => showFigures(hls), 250);
  hls.loadSource(address.hls);
  hls.attachMedia(video);
  hls.once(Events.MANIFEST_PARSED, () => {
    // Refused without a click when the page may not start playback by itself: the controls are there.
    video.play().catch(() => undefined);
  });
}

try {
  play();
} catch (error) {
  if (!(error instanceof AddressError)) throw error;
  tell(error.message);
}
