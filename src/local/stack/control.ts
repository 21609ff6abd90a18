import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { z } from 'zod';
import type { DataCenterKey } from '../../streams/data-center.ts';
import { messageOf } from '../../message-of.ts';
import {
  controlCommand,
  controlFileName,
  type ControlAnswer,
  type ControlCommand,
  type ControlFile,
} from './control-protocol.ts';
import { writePrivateJson } from './private-file.ts';
import type { Stack } from './stack.ts';

/** Bytes; the commands of control-protocol.ts are far shorter. */
const longestCommand = 4096;

/** What commands are about. */
export type ControlledStack = Pick<Stack, 'startOutage' | 'endOutage' | 'restart' | 'stateOf'>;

export interface ControlServer {
  close(): Promise<void>;
}

/** Takes commands from `failover outage` on loopback, from whoever can read control.json. */
export async function startControl(
  stack: ControlledStack,
  dataDirectory: string,
  done: (command: ControlCommand) => void,
): Promise<ControlServer> {
  const token = randomBytes(32).toString('base64url');
  const server = createServer((request, response) => {
    void answer(stack, token, request, response, done);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const content: ControlFile = { url: `http://127.0.0.1:${port}/`, token, pid: process.pid };
  await writePrivateJson(join(dataDirectory, controlFileName), content);
  return {
    async close() {
      await rm(join(dataDirectory, controlFileName), { force: true });
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(
  stack: ControlledStack,
  token: string,
  request: IncomingMessage,
  response: ServerResponse,
  done: (command: ControlCommand) => void,
): Promise<void> {
  const send = (status: number, body: ControlAnswer | { message: string }): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  try {
    if (!isAuthorized(request, token)) {
      send(401, { message: 'The token of control.json is needed.' });
      return;
    }
    const text = await readText(request);
    if (text === undefined) {
      response.setHeader('connection', 'close');
      send(413, { message: `A command has at most ${longestCommand} bytes.` });
      return;
    }
    const command = controlCommand.safeParse(jsonOf(text));
    if (!command.success) {
      send(400, { message: z.prettifyError(command.error) });
      return;
    }
    await carryOut(stack, command.data);
    done(command.data);
    send(200, { dataCenters: { a: stack.stateOf('a'), b: stack.stateOf('b') } });
  } catch (error) {
    send(500, { message: messageOf(error) });
  }
}

/** Undefined when it is longer than any command. */
async function readText(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Not ended with the loop: a refusal goes over the same connection.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > longestCommand) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Undefined, which is no command, when the text is no JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

async function carryOut(stack: ControlledStack, command: ControlCommand): Promise<void> {
  switch (command.command) {
    case 'start-outage': {
      await stack.startOutage(command.dataCenter, command.how);
      return;
    }
    case 'end-outage': {
      await stack.endOutage(command.dataCenter);
      return;
    }
    case 'restart': {
      await stack.restart(command.program);
      return;
    }
  }
}

function isAuthorized(request: IncomingMessage, token: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** What a command did, for people. */
export function describeCommand(command: ControlCommand): string {
  const center = (key: DataCenterKey): string => `Data center ${key.toUpperCase()}`;
  switch (command.command) {
    case 'start-outage':
      return `${center(command.dataCenter)} is taken away (${command.how === 'kill' ? 'its media service is killed' : 'its media service hangs'}).`;
    case 'end-outage':
      return `${center(command.dataCenter)} is back.`;
    case 'restart':
      return `${command.program} is started again.`;
  }
}
