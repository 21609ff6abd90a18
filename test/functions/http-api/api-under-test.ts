import { expect } from 'vitest';
import { TwoDataCenters } from '../../two-data-centers.ts';
import { FunctionApp, type Answer } from '../function-app.ts';

/** The HTTP API of a Function App between two data centers, with everything that it has answered. */
export class ApiUnderTest {
  readonly both: TwoDataCenters;
  readonly app: FunctionApp;
  /** Every answer's text, but those to requests for an upload: its URL is the one secret that is to be given out. */
  readonly answers: string[] = [];

  private constructor(both: TwoDataCenters, app: FunctionApp) {
    this.both = both;
    this.app = app;
  }

  static async start(): Promise<ApiUnderTest> {
    const both = await TwoDataCenters.start();
    await both.startFixtureEncoder('a', (input) => (input === 'slow.mp4' ? 'hang' : 'finish'));
    return new ApiUnderTest(both, await FunctionApp.start(both.workflowSettings()));
  }

  async close(): Promise<void> {
    await this.app.kill();
    await this.both.close();
  }

  readonly call = async (...given: Parameters<FunctionApp['call']>): Promise<Answer> => {
    const answer = await this.app.call(...given);
    if (given[1] !== '/api/uploads') this.answers.push(answer.text);
    return answer;
  };

  /** The asset of an upload as a client makes it. */
  readonly upload = async (fileName: string, content = 'a video'): Promise<string> => {
    const { status, json } = await this.call('POST', '/api/uploads', { fileName });
    expect(status).toBe(201);
    const put = await fetch(json['uploadUrl'] as string, {
      method: 'PUT',
      headers: { 'x-ms-blob-type': 'BlockBlob' },
      body: content,
    });
    expect(put.status).toBe(201);
    return json['assetId'] as string;
  };
}
