import { join } from 'node:path';
import type { DataCenterKey } from '../../streams/data-center.ts';
import type { Azurite } from '../azurite.ts';
import { clientId, resource } from './programs.ts';
import { stackFileName, type StackFile } from './stack-file.ts';

interface RunningAt {
  readonly url: string;
  readonly pid: number;
}

export interface StackParts {
  /** Absent: it is run by hand. */
  readonly functions: StackFile['functions'] | undefined;
  readonly mediaServices: Readonly<Record<DataCenterKey, RunningAt>>;
  readonly edge: RunningAt;
  readonly azurite: Azurite;
  readonly clientSecret: string;
}

export function stackFilePath(dataDirectory: string): string {
  return join(dataDirectory, stackFileName);
}

/** What stack.json tells others: every address, credential and process id. */
export function describeStack({ functions, edge, azurite, ...parts }: StackParts): StackFile {
  const sideOf = (key: DataCenterKey): StackFile['dataCenters'][DataCenterKey] => {
    const { url, pid } = parts.mediaServices[key];
    const { name, key: accountKey, blobUrl, queueUrl, tableUrl } = azurite.account(`media${key}`);
    return {
      mediaApi: `${url}/api/`,
      tokenUrl: `${url}/oauth2/token`,
      acsTokenUrl: `${url}/v2/OAuth2-13`,
      clientId,
      clientSecret: parts.clientSecret,
      resource,
      streaming: `${url}/`,
      storage: { account: name, key: accountKey, blobUrl, queueUrl, tableUrl },
      pid,
    };
  };
  return {
    ...(functions === undefined ? {} : { functions }),
    dataCenters: { a: sideOf('a'), b: sideOf('b') },
    edge: { url: edge.url, pid: edge.pid },
    azurite: { pid: azurite.pid },
  };
}
