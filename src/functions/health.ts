import type { Application } from './application.ts';
import { RequestError } from './problems.ts';
import { json, registerRoute } from './routes.ts';

/** `GET /api/health`: whether the app answers and its own storage does. Open to all, and tells nothing else. */
export function registerHealth({ dependencies: { claims } }: Application): void {
  registerRoute('httpHealth', async () => {
    try {
      await claims.check();
    } catch {
      throw new RequestError(503, 'unavailable', "The app's own storage does not answer.");
    }
    return json(200, { status: 'healthy' });
  });
}
