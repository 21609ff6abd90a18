import { createUpload } from '../activities/create-upload.ts';
import type { Application } from './application.ts';
import { readBody } from './request-body.ts';
import { json, registerRoute } from './routes.ts';
import { uploadSchema } from './schemas.ts';

/** `POST /api/uploads`. */
export function registerUploads({ config, dependencies }: Application): void {
  registerRoute({
    name: 'httpCreateUpload',
    method: 'POST',
    route: 'uploads',
    handler: async ({ request }) => {
      const { fileName, dataCenter = config.home } = await readBody(request, uploadSchema);
      return json(201, await createUpload(dependencies, dataCenter, fileName));
    },
  });
}
