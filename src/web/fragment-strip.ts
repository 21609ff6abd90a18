import { colour, displayName, kilobytes, milliseconds, type ServedFragment } from './fragment.ts';

/** Pixels. */
const left = 48;
const rowHeight = 72;
const rowGap = 24;
const barStep = 14;
const barWidth = 11;

/** The lines of the scale, milliseconds; the last one is as high as a bar can be. */
const scale = [10, 100, 1000, 10_000] as const;
const [shortest, longest] = [scale[0] / 10, scale[3]];

/** Logarithmic: an answer from memory and one that took a time-out are both to be seen. */
function heightOf(time: number): number {
  const share = Math.log10(Math.max(time, shortest) / shortest) / Math.log10(longest / shortest);
  return Math.max(3, Math.min(1, share) * (rowHeight - 4));
}

function element<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string | number>>,
  ...children: (Node | string)[]
): SVGElementTagNameMap[Name] {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, String(value));
  made.append(...children);
  return made;
}

/**
 * The last fragments as bars, a row a track: as high as the time to the last byte, with a mark at the first one, in
 * the colour of the data center. A fragment that two of them served has both, in the shares of their bytes.
 */
export class FragmentStrip {
  readonly #parent: HTMLElement;
  readonly #svg = element('svg', { role: 'img' });
  #fragments: readonly ServedFragment[] = [];

  constructor(parent: HTMLElement) {
    this.#parent = parent;
    parent.append(this.#svg);
    new ResizeObserver(() => this.#draw()).observe(parent);
  }

  /** The newest last. */
  show(fragments: readonly ServedFragment[]): void {
    this.#fragments = fragments;
    this.#draw();
  }

  #draw(): void {
    const width = this.#parent.clientWidth;
    const height = 2 * (rowHeight + rowGap);
    const room = Math.max(1, Math.floor((width - left) / barStep));
    const rows = (['video', 'audio'] as const).flatMap((track, index) => {
      const bottom = index * (rowHeight + rowGap) + rowHeight;
      const last = this.#fragments.filter((fragment) => fragment.track === track).slice(-room);
      return [...frame(track, bottom, width), ...last.map((fragment, place) => bar(fragment, place, bottom))];
    });
    this.#svg.setAttribute('width', String(width));
    this.#svg.setAttribute('height', String(height));
    this.#svg.setAttribute('aria-label', description(this.#fragments));
    this.#svg.replaceChildren(...rows);
  }
}

function frame(track: string, bottom: number, width: number): SVGElement[] {
  const lines = scale.map((time) => {
    const y = bottom - heightOf(time);
    return element('line', { class: 'rule', x1: left, x2: width, y1: y, y2: y, 'stroke-dasharray': '2 4' });
  });
  const labels = [10, 1000].map((time) =>
    element('text', { x: 0, y: bottom - heightOf(time) + 4 }, milliseconds(time).replace('.0', '')),
  );
  return [
    ...lines,
    ...labels,
    element('line', { class: 'rule', x1: left, x2: width, y1: bottom, y2: bottom }),
    element('text', { x: left, y: bottom + 15 }, track),
  ];
}

function bar(fragment: ServedFragment, place: number, bottom: number): SVGElement {
  const x = left + place * barStep + 1;
  const whole = heightOf(fragment.whole);
  const piece = (dataCenter: string, from: number, to: number): SVGElement =>
    element('rect', {
      class: colour(dataCenter),
      x,
      width: barWidth,
      y: bottom - whole * to,
      height: whole * (to - from),
    });
  const { wentOn } = fragment;
  // At least a little of both is to be seen.
  const share = wentOn && Math.min(0.85, Math.max(0.15, wentOn.atByte / Math.max(fragment.bytes, 1)));
  const pieces =
    wentOn === undefined || share === undefined
      ? [piece(fragment.dataCenter, 0, 1)]
      : [piece(wentOn.from, 0, share), piece(fragment.dataCenter, share, 1)];
  const mark = bottom - heightOf(fragment.firstByte);
  return element(
    'g',
    {},
    element('title', {}, tooltip(fragment)),
    ...pieces,
    element('line', { class: 'mark', x1: x, x2: x + barWidth, y1: mark, y2: mark }),
  );
}

/** Who served it, in a few words. */
export function servedBy({ dataCenter, wentOn }: ServedFragment): string {
  return wentOn === undefined
    ? displayName(dataCenter)
    : `${displayName(wentOn.from)}, from byte ${wentOn.atByte.toLocaleString('en')} on ${displayName(dataCenter)}`;
}

function tooltip(fragment: ServedFragment): string {
  return (
    `${fragment.track} ${fragment.sequence}: ${servedBy(fragment)}; first byte after ` +
    `${milliseconds(fragment.firstByte)}, ${kilobytes(fragment.bytes)} in ${milliseconds(fragment.whole)}`
  );
}

/** How many fragments each data center served, e.g. `A 12 · B 3`. */
export function tally(fragments: readonly ServedFragment[]): string {
  const counts = new Map<string, number>();
  for (const { dataCenter } of fragments) counts.set(dataCenter, (counts.get(dataCenter) ?? 0) + 1);
  return [...counts]
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([dataCenter, count]) => `${displayName(dataCenter)} ${count}`)
    .join(' · ');
}

function description(fragments: readonly ServedFragment[]): string {
  return fragments.length === 0
    ? 'No fragments yet'
    : `The last ${fragments.length} fragments by data center: ${tally(fragments)}`;
}
