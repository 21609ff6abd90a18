import { cliConfig } from '../config/cli.ts';

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

/** Select Graphic Rendition codes (ECMA-48 8.3.117): on, off. */
const codes: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
};

/** Gives a text a style, at a terminal that wants colours. */
export function styleOn(stream: NodeJS.WriteStream): (style: Style, text: string) => string {
  const plain = !stream.isTTY || cliConfig().noColor;
  return (style, text) => {
    const [on, off] = codes[style];
    return plain ? text : `\u001b[${on}m${text}\u001b[${off}m`;
  };
}

/** Columns as wide as their widest cell; the first row is the heading. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
