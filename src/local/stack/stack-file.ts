import { z } from 'zod';

const pid = z.number().int().positive();

const dataCenter = z.object({
  /** Base URL of the v2 REST API, with a slash at its end. */
  mediaApi: z.string(),
  /** Token endpoint of the Entra form. */
  tokenUrl: z.string(),
  /** Token endpoint of the older ACS form, ending in /v2/OAuth2-13. */
  acsTokenUrl: z.string(),
  clientId: z.string(),
  clientSecret: z.string(),
  resource: z.string(),
  /** Base URL of the streaming endpoint, with a slash at its end. */
  streaming: z.string(),
  storage: z.object({
    account: z.string(),
    key: z.string(),
    blobUrl: z.string(),
    queueUrl: z.string(),
    tableUrl: z.string(),
  }),
  pid,
});

/** In the stack's data directory, while it runs. */
export const stackFileName = 'stack.json';

/** `.local/stack.json` (mode 0600): every address, credential and process id of a running stack. */
export const stackFile = z.object({
  functions: z.object({ url: z.string(), host: z.enum(['func', 'local']), key: z.string(), pid }).optional(),
  dataCenters: z.object({ a: dataCenter, b: dataCenter }),
  edge: z.object({ url: z.string(), pid }),
  azurite: z.object({ pid }),
});

export type StackFile = z.infer<typeof stackFile>;
