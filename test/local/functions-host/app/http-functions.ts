import { app, type HttpRequest } from '@azure/functions';

const echo = async (request: HttpRequest): Promise<{ jsonBody: unknown }> => ({
  jsonBody: {
    method: request.method,
    path: new URL(request.url).pathname,
    query: Object.fromEntries(request.query),
    params: request.params,
    body: await request.text(),
    type: request.headers.get('content-type'),
  },
});

app.http('defaultRoute', { methods: ['GET'], handler: echo });
app.http('byId', { methods: ['GET', 'PUT'], route: 'things/{id}', handler: echo });
app.http('special', { methods: ['GET'], route: 'things/special', handler: echo });
app.http('optional', { methods: ['GET'], route: 'maybe/{id?}', handler: echo });
app.http('constrained', { methods: ['GET'], route: 'numbers/{id:int:min(1)}', handler: echo });
app.http('rest', { methods: ['GET'], route: 'files/{*path}', handler: echo });
app.http('guarded', { methods: ['GET'], authLevel: 'function', handler: echo });
app.http('administered', { methods: ['GET'], route: 'administered', authLevel: 'admin', handler: echo });
app.http('size', {
  methods: ['POST'],
  handler: async (request) => ({ jsonBody: { size: (await request.arrayBuffer()).byteLength } }),
});
app.http('large', {
  methods: ['GET'],
  handler: (request) => ({ body: Buffer.alloc(Number(request.query.get('bytes')), 'x') }),
});
app.http('dressed', {
  methods: ['GET', 'HEAD'],
  handler: () => ({
    status: 201,
    headers: { 'x-thing': 'one', 'content-type': 'text/plain' },
    cookies: [{ name: 'c', value: 'v', httpOnly: true, maxAge: 60 }],
    body: 'hello',
  }),
});
app.http('nothing', { methods: ['GET'], handler: () => undefined as never });
app.http('noContent', { methods: ['GET'], handler: () => ({ status: 204 }) });
app.http('fails', {
  methods: ['GET'],
  handler: () => {
    throw new Error('as asked');
  },
});
