/** An attribute's value as it stands between double quotes. */
function escapeAttribute(value: string): string {
  return value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

export type XmlAttributes = Readonly<Record<string, string | number | undefined>>;

/** An element on lines of its own, its children indented; attributes that are undefined are left out. */
export function element(name: string, attributes: XmlAttributes, children: readonly string[] = []): string {
  const written = Object.entries(attributes)
    .filter((entry): entry is [string, string | number] => entry[1] !== undefined)
    .map(([key, value]) => ` ${key}="${escapeAttribute(String(value))}"`)
    .join('');
  if (children.length === 0) return `<${name}${written}/>`;
  const inner = children.join('\n').replaceAll('\n', '\n  ');
  return `<${name}${written}>\n  ${inner}\n</${name}>`;
}

export const xmlDeclaration = '<?xml version="1.0" encoding="utf-8"?>';
