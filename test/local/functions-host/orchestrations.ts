import { setTimeout as delay } from 'node:timers/promises';

export interface Status {
  readonly name: string;
  readonly instanceId: string;
  readonly runtimeStatus: string;
  readonly input: unknown;
  readonly output: unknown;
  readonly customStatus: unknown;
  readonly historyEvents?: readonly Record<string, unknown>[];
}

export type Urls = Readonly<Record<string, string>>;

/** Waits until a condition gives something, and fails with what it gave last. */
export async function eventually<T>(
  what: string,
  condition: () => Promise<T | undefined | false>,
  milliseconds = 30_000,
): Promise<T> {
  const end = Date.now() + milliseconds;
  for (;;) {
    const found = await condition();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${milliseconds} ms`);
    await delay(20);
  }
}

/** Starts an orchestration through the app's own starter and gives its management addresses. */
export async function start(url: string, name: string, input: unknown, instanceId?: string): Promise<Urls> {
  const response = await fetch(
    `${url}/api/start/${name}${instanceId === undefined ? '' : `/${instanceId}`}`,
    {
      method: 'POST',
      body: JSON.stringify(input),
    },
  );
  if (response.status !== 202) throw new Error(`start: ${response.status} ${await response.text()}`);
  return (await response.json()) as Urls;
}

export async function statusOf(urls: Urls, query = ''): Promise<Status> {
  const response = await fetch(urls['statusQueryGetUri']! + query);
  return (await response.json()) as Status;
}

/** Waits for the end of an orchestration. */
export async function ended(urls: Urls, milliseconds = 30_000): Promise<Status> {
  return eventually(
    `the end of ${urls['id']}`,
    async () => {
      const status = await statusOf(urls);
      return ['Completed', 'Failed', 'Terminated'].includes(status.runtimeStatus) && status;
    },
    milliseconds,
  );
}
