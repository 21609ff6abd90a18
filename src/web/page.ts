/** An element of the page that must be there. */
export function find<Type extends HTMLElement>(id: string, type: abstract new () => Type): Type {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`The page has no ${type.name} “${id}”`);
  return element;
}

/** A row of a table. */
export function row(texts: readonly string[]): HTMLTableRowElement {
  const made = document.createElement('tr');
  for (const text of texts) made.insertCell().textContent = text;
  return made;
}
