/** The local Functions host stopped, killed and hurt at every point of an orchestration, with figures. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EngineHub } from '../local/functions-host/durable/engine-hub.ts';
import { ContractApp } from '../local/functions-host/functions-host.ts';
import { killAtRandom } from '../local/functions-host/kills.ts';

describe('an orchestration', () => {
  let hub: EngineHub;
  beforeAll(async () => (hub = await EngineHub.create()));
  afterAll(() => hub.close());

  test.each(['before', 'after'] as const)(
    'goes on when its host stands still at any change, %s it is done',
    async (when) => {
      // The first four changes make the hub.
      let point = 5;
      while (await hub.stopAt(point, when)) point++;
      console.log(`stopped ${when} each of ${point - 5} changes`);
      expect(point).toBeGreaterThan(45);
    },
  );

  test.each(Array.from({ length: 20 }, (_, index) => index + 5))(
    'loses and doubles nothing while one request in %i fails',
    (every) => hub.failRequests(`failing${every}`, every),
  );

  test.each(Array.from({ length: 10 }, (_, index) => index))(
    'comes to its end while two hosts take each other for dead (%i)',
    (index) => hub.fightOver(`fought${index}`),
  );
});

describe('a host that is killed', () => {
  let app: ContractApp;
  beforeAll(async () => (app = await ContractApp.create()));
  afterAll(() => app.close());

  test.each(Array.from({ length: 40 }, (_, seed) => seed))(
    'at any moment (seed %i) loses and doubles nothing',
    (seed) => killAtRandom(app, seed),
  );
});
