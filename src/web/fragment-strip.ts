import { colour, displayName, kilobytes, milliseconds, type ServedFragment } from './fragment.ts';

const [width, height] = [1000, 170];
const left = 44;
const rowHeight = 70;
const shown = 60;
const barStep = (width - left) / shown;

/** The lines of the scale, milliseconds. */
const scale = [10, 100, 1000, 10_000] as const;

function barHeight(time: number): number {
  const share = Math.log10(Math.max(time, 1)) / Math.log10(10_000);
  return Math.max(4, Math.min(1, share) * (rowHeight - 8));
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

/** The last fragments as bars, a row a track: as high as the time to the first byte, in the data center's colour. */
export class FragmentStrip {
  readonly #svg: SVGSVGElement;

  constructor(parent: HTMLElement) {
    this.#svg = element('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img' });
    parent.append(this.#svg);
    this.show([]);
  }

  /** The newest last. */
  show(fragments: readonly ServedFragment[]): void {
    const rows = (['video', 'audio'] as const).flatMap((track, index) => {
      const bottom = (index + 1) * rowHeight + index * 20;
      const last = fragments.filter((fragment) => fragment.track === track).slice(-shown);
      return [...frame(track, bottom), ...last.map((fragment, place) => bar(fragment, place, bottom))];
    });
    this.#svg.setAttribute('aria-label', description(fragments));
    this.#svg.replaceChildren(...rows);
  }
}

function frame(track: string, bottom: number): SVGElement[] {
  const lines = scale.flatMap((time) => {
    const y = bottom - barHeight(time);
    const label = milliseconds(time).replace('.0', '');
    return [
      element('line', { class: 'rule', x1: left, x2: width, y1: y, y2: y, 'stroke-dasharray': '2 4' }),
      ...(time === 10 || time === 1000 ? [element('text', { x: 0, y: y + 4 }, label)] : []),
    ];
  });
  return [
    ...lines,
    element('line', { class: 'rule', x1: left, x2: width, y1: bottom, y2: bottom }),
    element('text', { x: left, y: bottom + 14 }, track),
  ];
}

function bar(fragment: ServedFragment, place: number, bottom: number): SVGElement {
  const whole = barHeight(fragment.firstByte);
  const position = { x: left + place * barStep + 1, width: barStep - 3, rx: 2 };
  const title = element('title', {}, tooltip(fragment));
  const begun = fragment.wentOn?.from ?? fragment.dataCenter;
  if (fragment.wentOn === undefined) {
    return element('rect', { ...position, class: colour(begun), y: bottom - whole, height: whole }, title);
  }
  // Split by the bytes each one gave; what came first is at the bottom.
  const share = Math.min(0.9, Math.max(0.1, fragment.wentOn.atByte / Math.max(fragment.bytes, 1)));
  const tall = Math.max(whole, 24);
  return element(
    'g',
    {},
    title,
    element('rect', { ...position, class: colour(begun), y: bottom - tall * share, height: tall * share }),
    element('rect', {
      ...position,
      class: colour(fragment.dataCenter),
      y: bottom - tall,
      height: tall * (1 - share) - 1,
    }),
  );
}

/** One line for a fragment: also in the table. */
export function servedBy(fragment: ServedFragment): string {
  return fragment.wentOn === undefined
    ? displayName(fragment.dataCenter)
    : `${displayName(fragment.wentOn.from)}, from byte ${fragment.wentOn.atByte} ${displayName(fragment.dataCenter)}`;
}

function tooltip(fragment: ServedFragment): string {
  return (
    `${fragment.track} ${fragment.sequence}: ${servedBy(fragment)}, first byte after ` +
    `${milliseconds(fragment.firstByte)}, ${kilobytes(fragment.bytes)} in ${milliseconds(fragment.whole)}`
  );
}

function description(fragments: readonly ServedFragment[]): string {
  if (fragments.length === 0) return 'No fragments yet';
  const counts = new Map<string, number>();
  for (const { dataCenter } of fragments) counts.set(dataCenter, (counts.get(dataCenter) ?? 0) + 1);
  const parts = [...counts].map(([dataCenter, count]) => `${count} from ${displayName(dataCenter)}`);
  return `The last ${fragments.length} fragments: ${parts.join(', ')}`;
}
