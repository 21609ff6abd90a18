import { forbiddenInFileNames, longestFileName, unprintable } from '../model.ts';

/**
 * The names of an encoded asset's files: `{base}_{W}x{H}_{kbps}.cmfv`, `{base}_aac_{kbps}.cmfa`, `{base}.ism`. The same
 * input and preset always give the same names, so a job that is taken up again overwrites what an earlier attempt left.
 */

/** Beside what no AssetFile's name may have, what breaks a path or markup. */
const refused = new RegExp(`${forbiddenInFileNames.source}|${unprintable.source}|[<>^\`{|}]`, 'gu');
/** What a cut in the middle of a character leaves. */
const loneSurrogate = /\p{Cs}/gu;
/** The longest ending takes some 25 characters. */
const longest = longestFileName - 60;

/** The input's file name without folder and extension, made safe; dots too, as a name has only one. */
export function baseName(inputName: string): string {
  const file = inputName.slice(inputName.lastIndexOf('/') + 1).normalize('NFC');
  const stem = file.replace(/\.[^.]*$/, '');
  const safe = stem.replace(refused, '-').replaceAll('.', '-').trim();
  const cut = safe.slice(0, longest).replace(loneSurrogate, '').trim();
  return cut === '' ? 'video' : cut;
}

export function videoName(
  base: string,
  { width, height, kbps }: { readonly width: number; readonly height: number; readonly kbps: number },
): string {
  return `${base}_${width}x${height}_${kbps}.cmfv`;
}

export function audioName(base: string, { kbps }: { readonly kbps: number }): string {
  return `${base}_aac_${kbps}.cmfa`;
}

export function manifestName(base: string): string {
  return `${base}.ism`;
}
