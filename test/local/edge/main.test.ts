import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UnsteadyOrigin } from './unsteady-origin.ts';

const program = new URL('../../../dist/local/edge.mjs', import.meta.url).pathname;
const fragment = '/3f2504e0-4f89-11d3-9a0c-0305e82c3301/hello.ism/QualityLevels(1)/Fragments(video=0)';

type Child = ChildProcessByStdio<null, Readable, Readable>;
const start = (...args: string[]): Child =>
  spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });

async function outcome(child: Child): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { code, stdout, stderr };
}

async function listeningAt(child: Child): Promise<string> {
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return (JSON.parse(line) as { listening: string }).listening;
}

describe('the program edge', () => {
  let a: UnsteadyOrigin;
  let b: UnsteadyOrigin;

  beforeEach(async () => {
    a = await new UnsteadyOrigin().start();
    b = await new UnsteadyOrigin().start();
  });
  afterEach(async () => {
    await Promise.all([a.stop().catch(() => undefined), b.stop()]);
  });

  it('helps', async () => {
    const { code, stdout, stderr } = await outcome(start('--help'));
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^Usage: edge --a URL --b URL/);
  });

  it('ends with 2 and says what is wrong with its command line', async () => {
    const { code, stdout, stderr } = await outcome(start('--a', 'http://127.0.0.1:1'));
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('--b:');
  });

  it('ends with 1 when it cannot listen', async () => {
    const child = start('--a', a.url.href, '--b', b.url.href, '--port', String(b.port));
    const { code, stderr } = await outcome(child);
    expect(code).toBe(1);
    expect(stderr).toContain('EADDRINUSE');
  });

  it('tells where it listens, logs failovers as JSON, and ends with 0 in the midst of a body', async () => {
    const child = start('--a', a.url.href, '--b', b.url.href);
    const exited = once(child, 'exit');
    const log = text(child.stderr);
    const url = await listeningAt(child);
    await a.stop();
    expect((await fetch(url + fragment)).headers.get('x-data-center')).toBe('b');
    b.behaviour = { kind: 'stall', after: 10 };
    const hanging = await fetch(url + fragment);
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    await expect(hanging.arrayBuffer()).rejects.toThrow();
    const lines = (await log).trim().split('\n');
    const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(entries.find(({ msg }) => msg === 'EdgeFailedOver')).toMatchObject({
      program: 'edge',
      from: 'a',
      to: 'b',
      reason: 'unreachable',
      detail: 'ECONNREFUSED',
      path: fragment,
    });
  });

  it('serves its pages, which load nothing from elsewhere, and its status', async () => {
    const child = start('--a', a.url.href, '--b', b.url.href);
    const url = await listeningAt(child);
    try {
      for (const path of ['/', '/player', '/player.js', '/pages.css', '/favicon.svg']) {
        const response = await fetch(url + path);
        expect([path, response.status]).toEqual([path, 200]);
        expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
        const etag = response.headers.get('etag') ?? '';
        expect(await response.text()).not.toBe('');
        const again = await fetch(url + path, { headers: { 'If-None-Match': etag } });
        expect([path, again.status]).toEqual([path, 304]);
      }
      expect(await (await fetch(`${url}/edge/status`)).json()).toMatchObject({
        timings: 'fast',
        preferred: 'a',
        dataCenters: { a: { state: 'serving', lastFailure: null }, b: { state: 'serving' } },
        failovers: [],
      });
    } finally {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    }
  });
});
