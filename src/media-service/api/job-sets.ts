import { parseId, type AssetId, type Job, type Task } from '../model.ts';
import type { NewTask } from '../store/jobs.ts';
import { mediaProcessors } from '../store/media-processors.ts';
import type { Store } from '../store/store.ts';
import { badRequest } from './api-error.ts';
import { optionalNumber, optionalText, readEntity, textOf } from './entity-body.ts';
import { byId, demanded, idIn, scanOf, type Body, type EntitySet } from './entity-set.ts';
import { assetType, jobType, mediaProcessorType, taskType } from './entity-types.ts';

export function jobSet({ jobs }: Store): EntitySet {
  const get = (key: string): Promise<Job | undefined> => jobs.get(idIn('Job', key));
  return {
    type: jobType,
    get,
    async scan(demands) {
      const single = await byId(demands, get);
      if (single !== undefined) return single;
      const name = demanded(demands, 'Name');
      const state = demands.get('State');
      return jobs.scan({
        ...(name !== undefined && { name }),
        ...(typeof state === 'number' && { state }),
      });
    },
    create(body) {
      const { Tasks: tasks, ...own } = body;
      const values = readEntity(jobType, own, 'create');
      refuseSubscriptions(body['JobNotificationSubscriptions']);
      if (typeof optionalText(values, 'TemplateId') === 'string') {
        throw badRequest('Job templates are not supported.');
      }
      return jobs.create({
        name: textOf(values, 'Name'),
        priority: optionalNumber(values, 'Priority') ?? 0,
        inputs: inputAssets(body),
        tasks: listOf(tasks, 'Tasks').map(readTask),
      });
    },
    remove: (key) => jobs.delete(idIn('Job', key)),
    navigation: {
      async Tasks(key) {
        const tasks = await jobs.tasks(idIn('Job', key));
        return { kind: 'many', type: taskType, scan: scanOf(tasks.map(answered)) };
      },
      async InputMediaAssets(key) {
        const assets = await jobs.inputAssets(idIn('Job', key));
        return { kind: 'many', type: assetType, scan: scanOf(assets) };
      },
      async OutputMediaAssets(key) {
        const assets = await jobs.outputAssets(idIn('Job', key));
        return { kind: 'many', type: assetType, scan: scanOf(assets) };
      },
    },
  };
}

export function taskSet({ jobs }: Store): EntitySet {
  const get = async (key: string): Promise<object | undefined> => {
    const task = await jobs.task(idIn('Task', key));
    return task === undefined ? undefined : answered(task);
  };
  return {
    type: taskType,
    get,
    async scan(demands) {
      const single = await byId(demands, get);
      if (single !== undefined) return single;
      throw badRequest("Tasks are listed by their job: Jobs('id')/Tasks.");
    },
    navigation: {
      async InputMediaAssets(key) {
        const assets = await jobs.taskAssets(idIn('Task', key), 'Input');
        return { kind: 'many', type: assetType, scan: scanOf(assets) };
      },
      async OutputMediaAssets(key) {
        const assets = await jobs.taskAssets(idIn('Task', key), 'Output');
        return { kind: 'many', type: assetType, scan: scanOf(assets) };
      },
    },
  };
}

export function mediaProcessorSet(): EntitySet {
  return {
    type: mediaProcessorType,
    get: (key) => {
      const id = idIn('MediaProcessor', key);
      return Promise.resolve(mediaProcessors.find((processor) => processor.Id === id));
    },
    scan: () => scanOf(mediaProcessors),
  };
}

/** A task with what the reference answers and this service has nothing to say of. */
function answered(task: Task): object {
  return {
    ...task,
    PerfMessage: '',
    EncryptionKeyId: null,
    EncryptionScheme: 'None',
    EncryptionVersion: null,
    InitializationVector: null,
  };
}

/** `[{"__metadata":{"uri":…}}]` in verbose JSON, `"InputMediaAssets@odata.bind":[…]` in light JSON. */
function inputAssets(body: Body): AssetId[] {
  const bound = body['InputMediaAssets@odata.bind'];
  const references =
    bound === undefined
      ? listOf(body['InputMediaAssets'], 'InputMediaAssets').map((item) => {
          const metadata = item['__metadata'];
          return typeof metadata === 'object' && metadata !== null && 'uri' in metadata
            ? metadata.uri
            : undefined;
        })
      : Array.isArray(bound)
        ? (bound as unknown[])
        : [bound];
  return references.map((reference) => {
    const match = typeof reference === 'string' ? assetReference.exec(decoded(reference)) : null;
    const id = parseId('Asset', match?.[1] ?? '');
    if (id === undefined) throw badRequest('InputMediaAssets must name assets by their URIs.');
    return id;
  });
}

const assetReference = /(?:^|\/)Assets\('([^']+)'\)$/i;

function decoded(uri: string): string {
  try {
    return decodeURIComponent(uri);
  } catch {
    return '';
  }
}

function readTask(item: Body): NewTask {
  const values = readEntity(taskType, item, 'create');
  const scheme = optionalText(values, 'EncryptionScheme') ?? 'None';
  if (scheme !== '' && scheme !== 'None')
    throw badRequest('Encrypted task configurations are not supported.');
  const name = optionalText(values, 'Name');
  return {
    ...(name !== undefined && { name }),
    configuration: textOf(values, 'Configuration'),
    mediaProcessorId: idIn('MediaProcessor', textOf(values, 'MediaProcessorId')),
    taskBody: textOf(values, 'TaskBody'),
    options: optionalNumber(values, 'Options') ?? 0,
    priority: optionalNumber(values, 'Priority') ?? 0,
  };
}

function refuseSubscriptions(value: unknown): void {
  if (listOf(value, 'JobNotificationSubscriptions').length > 0) {
    throw badRequest('Job notifications are not supported: poll the job.');
  }
}

/** A list of objects, plain or as verbose JSON's `{"results": […]}`. */
function listOf(value: unknown, property: string): Body[] {
  if (value === undefined || value === null) return [];
  const list = typeof value === 'object' && 'results' in value ? value.results : value;
  if (!Array.isArray(list) || list.some((item) => typeof item !== 'object' || item === null)) {
    throw badRequest(`${property} must be a list of objects.`);
  }
  return list as Body[];
}
