import { z } from 'zod';
import { endpoints, type Endpoint } from './endpoints.ts';
import { json, registerRoute } from './routes.ts';
import { problemSchema } from './schemas.ts';

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): unknown {
  const named = Object.entries(z.toJSONSchema(schema, { io, unrepresentable: 'any' }));
  return Object.fromEntries(named.filter(([key]) => key !== '$schema' && !key.startsWith('~')));
}

function content(schema: z.ZodType, io: 'input' | 'output', type = 'application/json'): object {
  return { content: { [type]: { schema: jsonSchema(schema, io) } } };
}

function describe({ route, summary, body, query = {}, answers, open = false }: Endpoint): object {
  const inPath = [...route.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(query).map(([name, description]) => ({
    name,
    in: 'query',
    description,
    schema: { type: 'string' },
  }));
  const succeeded = Object.entries(answers).map(
    ([status, schema]) =>
      [status, { description: schema.description ?? summary, ...content(schema, 'output') }] as const,
  );
  return {
    summary,
    ...(open ? { security: [] } : {}),
    ...(inPath.length + inQuery.length === 0 ? {} : { parameters: [...inPath, ...inQuery] }),
    ...(body === undefined ? {} : { requestBody: content(body, 'input') }),
    responses: {
      ...Object.fromEntries(succeeded),
      default: {
        description: 'Why it failed',
        ...content(problemSchema, 'output', 'application/problem+json'),
      },
    },
  };
}

/** The HTTP API in the words of OpenAPI 3.1, made from the schemas that requests are checked with. */
export function openApi(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const endpoint of Object.values<Endpoint>(endpoints)) {
    (paths[`/api/${endpoint.route}`] ??= {})[endpoint.method.toLowerCase()] = describe(endpoint);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Failover streaming', version: '1' },
    security: [{ header: [] }, { query: [] }],
    paths,
    components: {
      securitySchemes: {
        header: { type: 'apiKey', in: 'header', name: 'x-functions-key' },
        query: { type: 'apiKey', in: 'query', name: 'code' },
      },
    },
  };
}

/** `GET /api/openapi.json`. */
export function registerOpenApi(): void {
  registerRoute('httpOpenApi', () => Promise.resolve(json(200, openApi())));
}
