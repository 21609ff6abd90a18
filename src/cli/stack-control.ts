import { join } from 'node:path';
import { z } from 'zod';
import {
  controlAnswer,
  controlFile,
  controlFileName,
  type ControlAnswer,
  type ControlCommand,
} from '../local/stack/control-protocol.ts';
import { readJson } from '../local/stack/private-file.ts';
import { localStack, NoConnectionError } from './connection.ts';

const refusal = z.object({ message: z.string() });

/**
 * Has the running local stack carry out a command.
 * @throws NoConnectionError when none is running
 */
export async function commandStack(
  command: ControlCommand,
  dataDirectory: string | undefined,
  signal?: AbortSignal,
): Promise<ControlAnswer> {
  const directory = localStack(dataDirectory);
  const content = await readJson(join(directory, controlFileName));
  if (content === undefined) {
    throw new NoConnectionError(`The stack of ${directory} is coming up or being stopped. Try again.`);
  }
  const { url, token, pid } = controlFile.parse(content);
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify(command),
    ...(signal === undefined ? {} : { signal }),
  }).catch(() => {
    signal?.throwIfAborted();
    throw new NoConnectionError(
      `The stack of ${directory}, process ${pid}, does not answer. Is it running still?`,
    );
  });
  const answer: unknown = await response.json();
  if (!response.ok) throw new Error(refusal.parse(answer).message);
  return controlAnswer.parse(answer);
}
