import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startControl, type ControlServer } from '../../../src/local/stack/control.ts';
import { controlFile, type ControlFile } from '../../../src/local/stack/control-protocol.ts';

let directory: string;
let server: ControlServer;
let file: ControlFile;
let carriedOut: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'control-'));
  carriedOut = [];
  const note = (...words: readonly string[]): Promise<void> => {
    carriedOut.push(words.join(' '));
    return Promise.resolve();
  };
  const stack = {
    startOutage: (dataCenter: string, how: string) => note('start', dataCenter, how),
    endOutage: (dataCenter: string) => note('end', dataCenter),
    restart: (program: string) => note('restart', program),
    stateOf: () => 'running' as const,
  };
  server = await startControl(stack, directory, () => undefined);
  file = controlFile.parse(JSON.parse(await readFile(join(directory, 'control.json'), 'utf8')));
});
afterEach(async () => {
  await server.close();
  await rm(directory, { recursive: true, force: true });
});

async function send(body: string, token = file.token): Promise<{ status: number; message: string }> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(file.url, { method: 'POST', headers, body });
  const { message = '' } = (await response.json()) as { message?: string };
  return { status: response.status, message };
}

describe('the control port', () => {
  it('carries out a command of who has its token', async () => {
    expect((await send('{"command":"end-outage","dataCenter":"a"}')).status).toBe(200);
    expect(carriedOut).toEqual(['end a']);
    expect((await send('{"command":"end-outage","dataCenter":"a"}', 'another')).status).toBe(401);
    expect(carriedOut).toHaveLength(1);
  });

  it.each(['', '{', 'null', '[]', '{"command":"format-disk"}'])('refuses %j as no command', async (body) => {
    const { status, message } = await send(body);
    expect(status).toBe(400);
    expect(message).not.toContain('JSON at position');
  });

  it('holds no more of a body than a command has', async () => {
    expect(await send(JSON.stringify({ command: 'x'.repeat(5000) }))).toEqual({
      status: 413,
      message: 'A command has at most 4096 bytes.',
    });
    expect((await send('{"command":"end-outage","dataCenter":"b"}')).status).toBe(200);
  });
});
