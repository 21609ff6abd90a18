import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { createServer as createSocketServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TwoDataCenters } from '../two-data-centers.ts';
import { FunctionApp } from './function-app.ts';

const instrumentationKey = '11111111-2222-4333-8444-555555555555';

interface Envelope {
  readonly iKey: string;
  readonly data: {
    readonly baseType: string;
    readonly baseData: { readonly name?: string; readonly properties?: Readonly<Record<string, string>> };
  };
}

/** Where Application Insights takes telemetry in: an https server with a certificate that only this test trusts. */
class Ingestion {
  readonly envelopes: Envelope[] = [];
  /** Everything that was sent, as text. */
  readonly texts: string[] = [];
  readonly paths = new Set<string>();
  readonly #server: Server;

  constructor(key: Buffer, certificate: Buffer) {
    this.#server = createServer({ key, cert: certificate }, (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString();
        this.paths.add(`${request.method} ${new URL(request.url ?? '', 'https://x').pathname}`);
        this.texts.push(text);
        const parsed = JSON.parse(text) as Envelope | Envelope[];
        const received = Array.isArray(parsed) ? parsed : [parsed];
        this.envelopes.push(...received);
        const answer = { itemsReceived: received.length, itemsAccepted: received.length, errors: [] };
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify(answer));
      });
    });
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

describe('the telemetry of the bundled app', () => {
  let both: TwoDataCenters;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ingestion-'));
    // prettier-ignore
    await promisify(execFile)('openssl', [
      'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
      '-keyout', join(folder, 'key.pem'), '-out', join(folder, 'certificate.pem'),
      '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1',
    ]);
    both = await TwoDataCenters.start();
    await both.publishFixture('a', 'film');
  });
  afterAll(async () => {
    await both.close();
    await rm(folder, { recursive: true, force: true });
  });

  function startApp(connectionString: string): Promise<FunctionApp> {
    return FunctionApp.start({
      ...both.workflowSettings(),
      APPLICATIONINSIGHTS_CONNECTION_STRING: connectionString,
      // The package's own statistics go elsewhere.
      APPLICATION_INSIGHTS_NO_STATSBEAT: 'true',
      NODE_EXTRA_CA_CERTS: join(folder, 'certificate.pem'),
      TMPDIR: folder,
    });
  }

  async function run(app: FunctionApp, command: 'replicate' | 'verify'): Promise<void> {
    const { json } = await app.call('POST', `/api/streams/film/${command}`);
    expect(await app.follow(json['operationId'])).toMatchObject({ status: 'succeeded' });
  }

  it('reaches Application Insights, each event with its stream and none with a secret', async () => {
    const ingestion = new Ingestion(
      await readFile(join(folder, 'key.pem')),
      await readFile(join(folder, 'certificate.pem')),
    );
    const endpoint = `https://localhost:${await ingestion.listen()}/`;
    const app = await startApp(
      `InstrumentationKey=${instrumentationKey};IngestionEndpoint=${endpoint};LiveEndpoint=${endpoint}`,
    );
    try {
      await run(app, 'replicate');
      await app.call('POST', '/api/uploads', { fileName: 'film.mp4' });
    } finally {
      // What is buffered is sent before the app ends.
      await app.kill();
      await ingestion.close();
    }
    expect(app.log).not.toContain('TelemetryUnavailable');
    expect([...ingestion.paths]).toEqual(['POST /v2.1/track']);
    const events = ingestion.envelopes.map(({ data: { baseType, baseData }, iKey }) => {
      expect({ baseType, iKey }).toEqual({ baseType: 'EventData', iKey: instrumentationKey });
      return { name: baseData.name, streamId: baseData.properties?.['streamId'] };
    });
    expect(events.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['SidesCompared', 'LocatorReplicated', 'OriginProbed', 'OperationSucceeded']),
    );
    for (const { name, streamId } of events) {
      expect(streamId, name).toBe(name === 'UploadOffered' ? undefined : 'film');
    }
    expect(events.map(({ name }) => name)).toContain('UploadOffered');
    const everything = ingestion.texts.join('\n');
    expect(everything).not.toMatch(/sig=|Bearer /);
    for (const secret of [...both.secrets(), ...app.secrets]) expect(everything).not.toContain(secret);
  });

  it.each(['refuses', 'hangs'])(
    'that cannot be sent because the endpoint %s holds up no run',
    async (how) => {
      const sockets: Socket[] = [];
      const server = createSocketServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      if (how === 'refuses') server.close();
      const app = await startApp(
        `InstrumentationKey=${instrumentationKey};IngestionEndpoint=https://127.0.0.1:${port}/`,
      );
      await run(app, 'verify');
      if (how === 'hangs') await vi.waitUntil(() => sockets.length > 0, { timeout: 20_000 });
      const begun = performance.now();
      await app.kill();
      expect(performance.now() - begun).toBeLessThan(20_000);
      expect(app.log).toContain('OperationSucceeded');
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  );

  it('is the log alone when the connection string is none', async () => {
    const app = await startApp('nonsense');
    await run(app, 'verify');
    await app.kill();
    expect(app.log).toContain('OperationSucceeded');
  });
});
