import type { EdgeStatus, FailureKind, OriginState, OriginStatus } from './edge-status.ts';
import { colour, displayName } from './fragment.ts';

const states: Readonly<Record<OriginState, string>> = {
  serving: 'well',
  resting: 'resting',
  returning: 'returning',
};

const reasons: Readonly<Record<FailureKind, string>> = {
  unreachable: 'could not be reached',
  silent: 'did not answer in time',
  'server-error': 'answered with an error',
  malformed: 'answered with something that is not HTTP',
  stalled: 'stopped in the middle of an answer',
  cut: 'broke off in the middle of an answer',
};

/** What a failure is in plain words. */
export function reasonWords(kind: FailureKind): string {
  return reasons[kind];
}

function made(name: string, className: string, text: string): HTMLElement {
  const element = document.createElement(name);
  element.className = className;
  element.textContent = text;
  return element;
}

/** How the data centers are, as the edge sees them. */
export function showDataCenters(parent: HTMLElement, status: EdgeStatus): void {
  parent.replaceChildren(
    ...Object.entries(status.dataCenters).map(([key, center]) => {
      const name = made('strong', '', `Data center ${displayName(key)}`);
      if (status.preferred === key) name.append(' ', made('span', 'tag', 'preferred'));
      const card = made('div', 'center', '');
      const letter = made('span', `key ${colour(key)}`, displayName(key));
      letter.ariaHidden = 'true';
      card.append(
        letter,
        name,
        made('span', `state ${center.state}`, states[center.state]),
        made('p', '', details(center)),
      );
      return card;
    }),
  );
}

function details({ state, since, lastFailure, nextProbe }: OriginStatus): string {
  if (state === 'serving' || lastFailure === null) {
    return `since ${new Date(since).toLocaleTimeString()}`;
  }
  const wait = nextProbe === null ? 0 : Math.ceil((Date.parse(nextProbe) - Date.now()) / 1000);
  const next = wait > 0 ? `; asked again in ${wait} s` : '';
  return `It ${reasonWords(lastFailure.kind)}${next}`;
}

/** Asks the edge once; undefined when it does not answer or is none. */
export async function readStatus(): Promise<EdgeStatus | undefined> {
  try {
    const response = await fetch('/edge/status', { signal: AbortSignal.timeout(2000) });
    return response.ok ? ((await response.json()) as EdgeStatus) : undefined;
  } catch {
    return undefined;
  }
}
