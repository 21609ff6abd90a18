import type { FileState, ReadLevel, SideState } from './side-state.ts';

/** One way in which a stream's two sides differ. */
export type Difference =
  | { readonly kind: 'asset-missing'; readonly side: 'source' | 'target' }
  | { readonly kind: 'name'; readonly source: string; readonly target: string }
  | { readonly kind: 'file-missing'; readonly file: string }
  | { readonly kind: 'file-extra'; readonly file: string }
  | { readonly kind: 'file-size'; readonly file: string; readonly source: number; readonly target: number }
  | { readonly kind: 'file-content'; readonly file: string }
  | { readonly kind: 'primary-file' }
  | { readonly kind: 'locator-missing'; readonly side: 'source' | 'target' }
  | { readonly kind: 'locator-expired'; readonly side: 'source' | 'target' }
  | { readonly kind: 'locator-id' }
  | { readonly kind: 'locator-times' };

/** What comparing two sides found; small, whatever the number of files. */
export interface Comparison {
  readonly level: ReadLevel;
  readonly equal: boolean;
  /** Files of the source. */
  readonly files: number;
  /** Bytes of the source. */
  readonly bytes: number;
  /** All of them. */
  readonly differenceCount: number;
  /** The first ones. */
  readonly differences: readonly Difference[];
}

export interface ComparisonScope {
  readonly level: ReadLevel;
  /** False while the target's locator is still to come. */
  readonly locators: boolean;
  /** Milliseconds since 1970: a locator that has expired by then plays nothing. */
  readonly now: number;
}

const shownDifferences = 20;

/** Compares a stream's two sides: the only comparison there is. A side that has no asset is undefined. */
export function compare(
  source: SideState | undefined,
  target: SideState | undefined,
  { level, locators, now }: ComparisonScope,
): Comparison {
  const differences = [...differencesOf(source, target, locators ? now : undefined)];
  return {
    level,
    equal: differences.length === 0,
    files: source?.files.length ?? 0,
    bytes: source?.files.reduce((sum, file) => sum + file.size, 0) ?? 0,
    differenceCount: differences.length,
    differences: differences.slice(0, shownDifferences),
  };
}

function* differencesOf(
  source: SideState | undefined,
  target: SideState | undefined,
  locatorsAt: number | undefined,
): Generator<Difference> {
  if (source === undefined) yield { kind: 'asset-missing', side: 'source' };
  if (target === undefined) yield { kind: 'asset-missing', side: 'target' };
  if (source === undefined || target === undefined) return;
  const words = ({ name }: SideState): string => `${name.source} ${name.revision} ${name.mark ?? ''}`.trim();
  if (words(source) !== words(target)) {
    yield { kind: 'name', source: words(source), target: words(target) };
  }
  yield* fileDifferences(source.files, target.files);
  if (source.primaryFile !== target.primaryFile) yield { kind: 'primary-file' };
  if (locatorsAt !== undefined) yield* locatorDifferences(source, target, locatorsAt);
}

function* fileDifferences(source: readonly FileState[], target: readonly FileState[]): Generator<Difference> {
  const there = new Map(target.map((file) => [file.name, file]));
  for (const file of source) {
    const other = there.get(file.name);
    there.delete(file.name);
    if (other === undefined) yield { kind: 'file-missing', file: file.name };
    else if (other.size !== file.size) {
      yield { kind: 'file-size', file: file.name, source: file.size, target: other.size };
    } else if (file.md5 !== undefined && other.md5 !== undefined && file.md5 !== other.md5) {
      yield { kind: 'file-content', file: file.name };
    }
  }
  for (const file of there.keys()) yield { kind: 'file-extra', file };
}

function* locatorDifferences(source: SideState, target: SideState, now: number): Generator<Difference> {
  if (source.locator === undefined) yield { kind: 'locator-missing', side: 'source' };
  if (target.locator === undefined) yield { kind: 'locator-missing', side: 'target' };
  if (hasExpired(source, now)) yield { kind: 'locator-expired', side: 'source' };
  if (hasExpired(target, now)) yield { kind: 'locator-expired', side: 'target' };
  if (source.locator === undefined || target.locator === undefined) return;
  if (source.locator.id !== target.locator.id) yield { kind: 'locator-id' };
  else if (
    source.locator.start !== target.locator.start ||
    source.locator.expires !== target.locator.expires
  ) {
    yield { kind: 'locator-times' };
  }
}

/** Whether a side has an origin locator that plays nothing any more. */
export function hasExpired({ locator }: SideState, now: number): boolean {
  return locator !== undefined && Date.parse(locator.expires) <= now;
}

/** One line for people: what differs. */
export function describeDifferences({ differences, differenceCount }: Comparison): string {
  const shown = differences.slice(0, 5).map(describeDifference);
  const more = differenceCount - shown.length;
  return `${shown.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}

/** One difference, for people. */
export function describeDifference(difference: Difference): string {
  switch (difference.kind) {
    case 'asset-missing':
      return `the ${difference.side} has no asset`;
    case 'name':
      return `the names say "${difference.source}" and "${difference.target}"`;
    case 'file-missing':
      return `${difference.file} is missing at the target`;
    case 'file-extra':
      return `${difference.file} is at the target only`;
    case 'file-size':
      return `${difference.file} has ${difference.source} bytes at the source, ${difference.target} at the target`;
    case 'file-content':
      return `${difference.file} has other content at the target`;
    case 'primary-file':
      return 'the primary files differ';
    case 'locator-missing':
      return `the ${difference.side} has no origin locator`;
    case 'locator-expired':
      return `the ${difference.side}'s origin locator has expired`;
    case 'locator-id':
      return 'the locators have different ids';
    case 'locator-times':
      return 'the locators start or expire at different times';
  }
}
