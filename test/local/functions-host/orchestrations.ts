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

/** Raises an event by the management API. */
export async function raise(urls: Urls, name: string, data: unknown): Promise<Response> {
  const url = urls['sendEventPostUri']!.replace('{eventName}', name);
  return fetch(url, {
    method: 'POST',
    body: JSON.stringify(data),
    headers: { 'content-type': 'application/json' },
  });
}

/** Waits until an orchestration has run its first episode. */
export async function running(urls: Urls): Promise<Status> {
  return eventually(`the start of ${urls['id']}`, async () => {
    const status = await statusOf(urls);
    return status.runtimeStatus === 'Running' && status;
  });
}
