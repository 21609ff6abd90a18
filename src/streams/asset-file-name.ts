import { forbiddenInFileNames, longestFileName, unprintable } from '../media-service/model.ts';

/** Beside what no AssetFile's name may have, what file systems and shells take for something else. */
const unfit = new RegExp(`${forbiddenInFileNames.source}|${unprintable.source}|[<>|]`, 'gu');

/**
 * Makes a name that an AssetFile may have of any file's name: no forbidden character, one dot, not too long. What may
 * not stand becomes a hyphen; a name that is right stays.
 */
export function assetFileName(name: string): string {
  const plain = name
    .normalize('NFC')
    .slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1)
    .replaceAll(unfit, '-');
  const dot = plain.lastIndexOf('.');
  const stem = (dot === -1 ? plain : plain.slice(0, dot)).replaceAll('.', '-').trim();
  const extension = dot === -1 ? '' : plain.slice(dot + 1).trim();
  const base = /[^-\s]/.test(stem) ? stem : 'input';
  const end = extension === '' || extension.length > 10 ? '.mp4' : `.${extension}`;
  // A cut in the middle of a character leaves half of it.
  return `${base.slice(0, longestFileName - end.length).replace(/\p{Cs}/gu, '')}${end}`;
}
