import { createUpload } from '../activities/create-upload.ts';
import type { Application } from './application.ts';
import { json, registerRoute } from './routes.ts';

/** `POST /api/uploads`. */
export function registerUploads({ config, dependencies }: Application): void {
  registerRoute('httpCreateUpload', async ({ body }) => {
    const { fileName, dataCenter = config.home } = body;
    return json(201, await createUpload(dependencies, dataCenter, fileName));
  });
}
