import { createServer } from 'node:http';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEncoderKit, type EncoderKit } from './encoder-kit.ts';

let kit: EncoderKit;
let video: string;

beforeAll(async () => {
  kit = await startEncoderKit();
  kit.start();
  video = await kit.make(
    'video.mp4',
    ...['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25:duration=6'],
    ...['-f', 'lavfi', '-i', 'sine=duration=6'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '25', '-c:a', 'aac'],
  );
});
afterAll(() => kit.close());

/** Encodes what cannot be encoded; it fails at the first attempt and leaves nothing. */
async function failure(
  files: Record<string, string | Uint8Array>,
  options: { configuration?: string; primary?: string } = {},
): Promise<{ code: string; message: string }> {
  const job = await kit.queue.add({ files, ...options });
  const outcome = await job.done;
  expect(job.outcomes).toHaveLength(1);
  if (outcome.state !== 'failed') throw new Error(`The job ended ${outcome.state}.`);
  const left: string[] = [];
  for await (const { name } of job.output.listBlobsFlat({ includeUncommitedBlobs: false })) left.push(name);
  expect(left).toEqual([]);
  return { code: outcome.detail.Code, message: outcome.detail.Message };
}

describe('what cannot be encoded fails at once, says why and leaves nothing', () => {
  test('a text file named .mp4', async () => {
    const { code, message } = await failure({
      'notes.mp4': Buffer.from('This is not a video.\n'.repeat(500)),
    });
    expect(code).toBe('ErrorDownloadingInputAssetMalformedContent');
    expect(message).toContain("'notes.mp4' is not a video file");
  });

  test('an empty file', async () => {
    const { code, message } = await failure({ 'empty.mp4': Buffer.alloc(0) });
    expect(code).toBe('ErrorDownloadingInputAssetMalformedContent');
    expect(message).toContain('is empty (0 bytes)');
  });

  test('a file cut off before its index', async () => {
    const bytes = await readFile(video);
    const { code, message } = await failure({ 'cut.mp4': bytes.subarray(0, bytes.length / 2) });
    expect(code).toBe('ErrorDownloadingInputAssetMalformedContent');
    expect(message).toContain('is cut off');
  });

  test.each([0.6, 0.99])('an MP4 file of which %d is there', async (share) => {
    const bytes = await readFile(
      await kit.make('whole.mp4', '-i', video, '-c', 'copy', '-movflags', '+faststart'),
    );
    const size = Math.floor(bytes.length * share);
    const { code, message } = await failure({ 'cut.mp4': bytes.subarray(0, size) });
    expect(code).toBe('ErrorDownloadingInputAssetMalformedContent');
    expect(message).toContain(`is cut off: it has ${size} of at least ${bytes.length} bytes`);
  });

  test('a Matroska file cut off in the middle of its pictures', async () => {
    const bytes = await readFile(await kit.make('whole.mkv', '-i', video, '-c', 'copy'));
    const { code, message } = await failure({ 'cut.mkv': bytes.subarray(0, Math.floor(bytes.length * 0.6)) });
    expect(code).toBe('ErrorDownloadingInputAssetMalformedContent');
    expect(message).toMatch(/is cut off: it should last 6\.\d s but ends after [2-4]\.\d s/);
  });

  test.each([
    ['stated', []],
    ['not stated', ['-live', '1']],
  ])('pictures with a gap of many bytes less than such a film has, its length %s', async (_, options) => {
    const gap = await kit.make(
      'gap.mkv',
      ...['-f', 'lavfi', '-i', 'color=red:size=64x36:rate=25:duration=0.4'],
      ...['-vf', "setpts='if(lt(N,5),N,N+25000)/25/TB'", '-fps_mode', 'vfr', '-c:v', 'libx264', ...options],
    );
    const { code, message } = await failure({ 'gap.mkv': gap });
    expect(code).toBe('ErrorDownloadingInputAssetMalformedContent');
    expect(message).toMatch(/^'gap\.mkv' is longer than video of its \d+ bytes can be/);
  });

  test('a picture that is too large', async () => {
    const large = await kit.make(
      'large.mkv',
      ...['-f', 'lavfi', '-i', 'color=red:size=8192x8192:rate=1:duration=1'],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'],
    );
    const { code, message } = await failure({ 'large.mkv': large });
    expect(code).toBe('ErrorExecutingTaskUnsupportedFormat');
    expect(message).toContain('is 8192x8192; at most');
  });

  test('a picture that becomes too large in the middle', async () => {
    const small = await kit.make('small.ts', '-i', video, '-c', 'copy', '-an');
    const large = await kit.make(
      'large.ts',
      ...['-f', 'lavfi', '-i', 'color=red:size=4608x2816:rate=25:duration=0.12'],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'],
    );
    const { code, message } = await failure({
      'growing.ts': Buffer.concat([await readFile(small), await readFile(large)]),
    });
    expect(code).toBe('ErrorExecutingTaskUnsupportedFormat');
    expect(message).toContain('changes to 4608x2816 in the middle');
  });

  test('sound without a picture, also with a cover', async () => {
    const cover = await kit.make('cover.png', '-f', 'lavfi', '-i', 'color=red:size=64x64', '-frames:v', '1');
    const sound = await kit.make(
      'song.mp4',
      ...['-i', video, '-i', cover, '-map', '0:a', '-map', '1:v', '-c:a', 'copy', '-c:v', 'png'],
      ...['-disposition:v', 'attached_pic'],
    );
    const { code, message } = await failure({ 'song.mp4': sound });
    expect(code).toBe('ErrorExecutingTaskUnsupportedFormat');
    expect(message).toContain('has no video stream, only sound');
  });

  test('pictures of which none can be decoded', async () => {
    const bytes = await readFile(await kit.make('damaged.mkv', '-i', video, '-c', 'copy', '-an'));
    for (let offset = 3000; offset < bytes.length; offset++) bytes[offset] = (offset * 7919) % 251;
    const { code } = await failure({ 'damaged.mkv': bytes });
    expect(['ErrorDownloadingInputAssetMalformedContent', 'ErrorExecutingTaskMalformedContent']).toContain(
      code,
    );
  });

  test('an unknown preset names the known ones', async () => {
    const { code, message } = await failure({ 'video.mp4': video }, { configuration: 'Adaptive Steaming' });
    expect(code).toBe('ErrorParsingConfiguration');
    expect(message).toContain('"Adaptive Steaming"');
    expect(message).toContain('"Adaptive Streaming", "H264 Multiple Bitrate 1080p"');
  });

  test('an asset without files, with several media files, without its primary file', async () => {
    expect((await failure({})).message).toContain('has no files');
    const two = { 'one.mp4': video, 'two.mov': video };
    expect((await failure(two)).message).toContain("2 media files ('one.mp4', 'two.mov')");
    expect((await failure(two, { primary: 'three.mp4' })).message).toContain(
      "'three.mp4' is not in its container",
    );
    expect((await failure({ 'a.txt': video, 'b.txt': video })).message).toContain(
      "None of the input asset's 2 files",
    );
  });

  test('an input asset that is gone', async () => {
    const job = await kit.queue.add({ files: { 'video.mp4': video } });
    await job.input.delete();
    const outcome = await job.done;
    expect(outcome).toMatchObject({
      state: 'failed',
      detail: { Code: 'ErrorDownloadingInputAssetMalformedContent' },
    });
  });
});

test('what a camera or an editor left behind the film does no harm', async () => {
  const film = await readFile(video);
  const rest = Buffer.from('left behind, and no box at all: LEFT BEHIND');
  const job = await kit.queue.add({
    files: { 'video.mp4': Buffer.concat([film, rest]) },
    configuration: JSON.stringify({
      Codecs: [{ Type: 'H264Video', H264Layers: [{ Width: 64, Height: 36, Bitrate: 100 }] }],
    }),
  });
  expect((await job.done).state).toBe('finished');
});

test('the primary file is taken of several, and the only media file without one', async () => {
  const primary = await kit.queue.add({
    files: { 'one.mp4': Buffer.from('no'), 'my film.mp4': video },
    primary: 'my film.mp4',
    configuration: 'adaptive streaming',
  });
  expect((await primary.done).state).toBe('finished');
  const only = await kit.queue.add({ files: { 'notes.txt': Buffer.from('no'), 'film.mp4': video } });
  expect((await only.done).state).toBe('finished');
});

describe('an input cannot make ffmpeg read anything else', () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end();
  });
  let address: string;

  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await writeFile(join(kit.folder, 'secret.ts'), await readFile(video));
  });
  afterAll(() => {
    server.close();
  });

  test.each([
    [
      'an HLS playlist of another host',
      (host: string) => `#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n${host}/secret.mp4\n#EXT-X-ENDLIST\n`,
    ],
    [
      'an HLS playlist of a local file',
      () => `#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\nfile://${kit.folder}/secret.ts\n#EXT-X-ENDLIST\n`,
    ],
    ['a list of files', () => `ffconcat version 1.0\nfile ${kit.folder}/video.mp4\n`],
    [
      'a DASH manifest',
      (host: string) =>
        `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT6S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>${host}/secret.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>`,
    ],
    [
      'a session description',
      () =>
        'v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n',
    ],
  ])('%s', async (_, content) => {
    const { code } = await failure({ 'video.mp4': Buffer.from(content(address)) });
    expect(code).toBe('ErrorDownloadingInputAssetMalformedContent');
    expect(asked).toEqual([]);
  });

  test('a QuickTime movie whose data lies in another file', async () => {
    const bytes = await readFile(
      await kit.make('reference.mov', '-i', video, '-c', 'copy', '-movflags', '+faststart'),
    );
    // 'url ' with flags 1 means: in this file. Without the flag it names another one.
    let at = bytes.indexOf('url ');
    while (at >= 0) {
      bytes.writeUInt32BE(0, at + 4);
      at = bytes.indexOf('url ', at + 4);
    }
    const job = await kit.queue.add({ files: { 'video.mp4': bytes } });
    await job.done;
    expect(asked).toEqual([]);
  });
});
